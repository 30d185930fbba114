import { expect, it } from "vitest";
import { attemptInterval } from "../../functions/auth-core/rules/decision.ts";
import { sha256Hex } from "../../functions/auth-core/rules/fingerprint.ts";
import type { Answer } from "../../functions/auth-core/use-cases/token-service.ts";
import type { Scenario } from "../../local/simulator/scenario.ts";
import { startWithToken } from "../support/world.ts";
import { live, noTroubles, troubles } from "./life.ts";

const codeOf = (answer: Answer) =>
  answer.kind === "failure" ? answer.failure.code : `generation ${answer.generation}`;

/** A world with a token that callers may report as rejected: its last attempt is long enough ago. */
async function startWithRejected(scenario: Partial<Scenario> = {}) {
  const world = await startWithToken(scenario);
  world.clock.advance(attemptInterval);
  return { ...world, rejecting: { minTtl: 0, rejectedSha256: sha256Hex(world.set.accessToken.reveal()) } };
}

it("TokenService never returns a rejected token, not even from memory: it fetches another", async () => {
  const { connection, holder, rejecting, set } = await startWithRejected();

  const answer = await holder.get(connection, rejecting);

  expect(answer).toMatchObject({ source: "upstream", generation: 2 });
  expect(answer.kind === "token" && answer.set.accessToken.equals(set.accessToken)).toBe(false);
});

it("TokenService never answers a rejected token, even if another request for the connection is under way", async () => {
  const { connection, rejecting, ...world } = await startWithRejected();
  const service = world.service();

  const answers = await Promise.all([service.get(connection, { minTtl: 0 }), service.get(connection, rejecting)]);

  expect(answers).toMatchObject([{ generation: 1 }, { generation: 2 }]);
});

it("TokenService makes one replacement when 500 callers in 50 environments reject one token, and all get the new one", async () => {
  const { connection, rejecting, ...world } = await startWithRejected();

  const environments = Array.from({ length: 50 }, () => world.service());
  const callers = environments.flatMap((service) =>
    Array.from({ length: 10 }, () => service.get(connection, rejecting)),
  );
  const answers = await world.settled(Promise.all(callers));

  expect(new Set(answers.map(codeOf))).toEqual(new Set(["generation 2"]));
  expect(world.callCounts()).toMatchObject({ exchanges: 1, refreshes: 1 });
});

it("TokenService makes one replacement per interval for a caller that rejects every token, without harm to others", async () => {
  const { connection, rejecting, ...world } = await startWithRejected();
  const liar = world.service();
  const intervals = 5;
  let { rejectedSha256 } = rejecting;
  const lies: Promise<Answer>[] = [];
  async function lie(): Promise<Answer> {
    const answer = await liar.get(connection, { minTtl: 0, rejectedSha256 });
    if (answer.kind === "token") rejectedSha256 = sha256Hex(answer.set.accessToken.reveal());
    return answer;
  }

  const seconds = intervals * attemptInterval;
  const served = await live(world, connection, { seconds, minTtl: 60, each: () => lies.push(lie()) });

  const codes = (await Promise.all(lies)).map(codeOf);
  const { exchanges, refreshes } = world.callCounts();
  expect(codes.filter((code) => code === "too_soon")).toHaveLength(seconds - intervals);
  expect(exchanges + refreshes).toBe(1 + intervals);
  expect(troubles(served)).toEqual(noTroubles);
});

it("TokenService is unavailable to a caller whose rejected token upstream returns again, without harm to others", async () => {
  const { connection, rejecting, ...world } = await startWithRejected({ sameToken: true });
  const rejecter = world.service();
  const rejections: Promise<Answer>[] = [];
  const reject = () => rejections.push(rejecter.get(connection, rejecting));

  const served = await live(world, connection, { seconds: 120, minTtl: 60, each: reject });

  const answers = await Promise.all(rejections);
  const { exchanges, refreshes } = world.callCounts();
  expect(codeOf(answers[0]!)).toBe("upstream_unavailable");
  expect(new Set(answers.map(codeOf))).toEqual(new Set(["upstream_unavailable", "too_soon"]));
  // One attempt in 30 s at most: the first with both grants, the others with the API key alone.
  expect(refreshes).toBe(1);
  expect(exchanges).toBeLessThanOrEqual(1 + 4);
  expect(troubles(served)).toEqual(noTroubles);
});
