import { expect, it } from "vitest";
import { sha256Hex } from "../../functions/auth-core/rules/fingerprint.ts";
import type { Answer } from "../../functions/auth-core/use-cases/token-service.ts";
import type { Scenario } from "../../local/simulator/scenario.ts";
import { live, troubles } from "./life.ts";
import { startSteppedWorld } from "./stepped-world.ts";

const codeOf = (answer: Answer) =>
  answer.kind === "failure" ? answer.failure.code : `generation ${answer.generation}`;

/** A world with a token that everyone may reject: its last attempt is a minute ago. */
async function startWithToken(scenario: Partial<Scenario> = {}) {
  const world = await startSteppedWorld(scenario);
  const connection = world.register("webapicorso");
  const answer = await world.service().get(connection, { minTtl: 60 });
  if (answer.kind !== "token") throw new Error(answer.failure.detail);
  world.clock.advance(60);
  const rejectedSha256 = sha256Hex(answer.set.accessToken.reveal());
  return { ...world, connection, rejecting: { minTtl: 0, rejectedSha256 } };
}

it("500 callers in 50 environments reject one token: one replacement, and all have the new one", async () => {
  const { connection, rejecting, ...world } = await startWithToken();

  const environments = Array.from({ length: 50 }, () => world.service());
  const callers = environments.flatMap((service) =>
    Array.from({ length: 10 }, () => service.get(connection, rejecting)),
  );
  const answers = await world.settled(Promise.all(callers));

  expect(new Set(answers.map(codeOf))).toEqual(new Set(["generation 2"]));
  expect(world.asked()).toMatchObject({ exchanges: 1, refreshes: 1 });
});

it("500 callers of one environment reject one token: one replacement, and all have the new one", async () => {
  const { connection, rejecting, ...world } = await startWithToken();
  const service = world.service();

  const answers = await Promise.all(Array.from({ length: 500 }, () => service.get(connection, rejecting)));

  expect(new Set(answers.map(codeOf))).toEqual(new Set(["generation 2"]));
  expect(world.asked()).toMatchObject({ exchanges: 1, refreshes: 1 });
});

it("a caller that lies every second costs one replacement in 30 s, is told 429, and others are unaffected", async () => {
  const { connection, rejecting, ...world } = await startWithToken();
  const liar = world.service();
  let said = rejecting.rejectedSha256;
  const told: Promise<Answer>[] = [];
  const lie = () =>
    told.push(
      liar.get(connection, { minTtl: 0, rejectedSha256: said }).then((answer) => {
        if (answer.kind === "token") said = sha256Hex(answer.set.accessToken.reveal());
        return answer;
      }),
    );

  const asked = await live(world, connection, { seconds: 300, minTtl: 60, each: lie });

  const codes = (await Promise.all(told)).map(codeOf);
  const { exchanges, refreshes } = world.asked();
  expect(codes.filter((code) => code === "too_soon")).toHaveLength(290);
  expect(exchanges + refreshes).toBe(1 + 10);
  expect(troubles(asked)).toEqual({ failures: 0, expired: 0, waits: 0 });
});

it("an upstream that keeps returning the rejected token: unavailable, at most once in 30 s, and others are unaffected", async () => {
  const { connection, rejecting, ...world } = await startWithToken({ sameToken: true });
  const rejecter = world.service();
  const told: Promise<Answer>[] = [];
  const reject = () => told.push(rejecter.get(connection, rejecting));

  const asked = await live(world, connection, { seconds: 120, minTtl: 60, each: reject });

  const answers = await Promise.all(told);
  const { exchanges, refreshes } = world.asked();
  expect(answers[0]).toMatchObject({ kind: "failure", failure: { code: "upstream_unavailable" } });
  expect(new Set(answers.map(codeOf))).toEqual(new Set(["upstream_unavailable", "too_soon"]));
  // The refresh grant is tried once, and then the exchange alone.
  expect(refreshes).toBe(1);
  expect(exchanges).toBeLessThanOrEqual(1 + 4);
  expect(troubles(asked)).toEqual({ failures: 0, expired: 0, waits: 0 });
});
