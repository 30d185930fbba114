import { expect, it } from "vitest";
import { attemptInterval } from "../../functions/auth-core/rules/tokens/decision.ts";
import { sha256Hex } from "../../functions/auth-core/rules/fingerprint.ts";
import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import type { ConnectionItem } from "../../functions/auth-core/rules/tokens/connection-item.ts";
import type { Answer, TokenService } from "../../functions/auth-core/use-cases/token-service.ts";
import type { Scenario } from "../../local/simulator/scenario.ts";
import { startWithToken, type World } from "../support/world.ts";
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

/** A caller that reports every token as rejected, once a second. Its answers, in order. */
function rejectingCaller(service: TokenService, connection: ConnectionId, reporter: string) {
  const answers: Promise<Answer>[] = [];
  let rejectedSha256 = sha256Hex("fake-first");
  return {
    answers,
    reject: () =>
      void answers.push(
        service.get(connection, { minTtl: 0, rejectedSha256, reporter }).then((answer) => {
          if (answer.kind === "token") rejectedSha256 = sha256Hex(answer.set.accessToken.reveal());
          return answer;
        }),
      ),
  };
}

/** The seconds, from the start on, at which a new token was stored. */
async function replacementsDuring(
  world: Pick<World, "clock" | "quiet"> & { item: () => Promise<ConnectionItem | undefined> },
  seconds: number,
  each: () => void,
) {
  const replacedAt: number[] = [];
  let generation = 1;
  for (let second = 0; second < seconds; second += 1) {
    each();
    await world.quiet();
    const item = await world.item();
    if (item && item.generation > generation) replacedAt.push(second);
    generation = item?.generation ?? 0;
    world.clock.advance(1);
  }
  return replacedAt;
}

const singleActive = { singleActiveToken: true };
const halfHour = 1800;

it("TokenService lets a caller that rejects every token invalidate the only active one ever more rarely", async () => {
  const world = await startWithToken({ lifetime: 7200 }, singleActive);
  world.clock.advance(attemptInterval);
  const { answers, reject } = rejectingCaller(world.service(), world.connection, "rejecting");

  const replacedAt = await replacementsDuring(world, halfHour, reject);

  // The first request learns the stored token: it reports one that nobody has.
  expect(replacedAt).toEqual([1, 31, 91, 211, 451, 931]);
  const soon = (await Promise.all(answers)).at(-1);
  expect(soon).toMatchObject({ failure: { code: "too_soon", retryAfter: 900 - (halfHour - 1 - 931) } });
});

it("TokenService counts a report that upstream did not answer, too", async () => {
  const world = await startWithToken({}, singleActive);
  world.clock.advance(attemptInterval);
  world.simulator.setScenario({ mode: "unavailable" });
  const rejectedSha256 = sha256Hex(world.set.accessToken.reveal());

  const answer = await world.holder.get(world.connection, { minTtl: 0, rejectedSha256, reporter: "one" });

  expect(codeOf(answer)).toBe("upstream_unavailable");
  expect((await world.item())?.rejectionReports).toEqual({
    [sha256Hex("one").slice(0, 16)]: { count: 1, at: world.clock.now() },
  });
});

it("The sweep keeps the reports of rejected tokens", async () => {
  const world = await startWithToken({}, singleActive);
  const { connection } = world;
  world.clock.advance(attemptInterval);
  const rejectedSha256 = sha256Hex(world.set.accessToken.reveal());
  await world.holder.get(connection, { minTtl: 0, rejectedSha256, reporter: "one" });
  const reports = (await world.item())?.rejectionReports;
  const sweepOnce = async () => {
    const due = { N: String(world.clock.now()) };
    await world.table.put({ ...(await world.table.raw(connection)), dueAt: due, nextActionAt: due });
    await world.sweep(connection);
    return world.item();
  };

  const kept = await sweepOnce();

  expect(reports).toMatchObject({ [sha256Hex("one").slice(0, 16)]: { count: 1 } });
  expect(kept).toMatchObject({ generation: 3, rejectionReports: reports });
});

it("Two callers that report the same token at the same time get their own answers, though one of them has to wait", async () => {
  const world = await startWithToken({}, singleActive);
  const { connection, holder, clock } = world;
  const report = async (reporter: string) => {
    const rejectedSha256 = sha256Hex((await world.item())?.tokenSet?.accessToken.reveal() ?? "");
    return { minTtl: 0, rejectedSha256, reporter };
  };
  for (let times = 0; times < 3; times += 1) {
    clock.advance(60);
    await holder.get(connection, await report("rejecting"));
  }
  clock.advance(attemptInterval);

  const reports = [await report("rejecting"), await report("honest")];
  const answers = await Promise.all(reports.map((each) => holder.get(connection, each)));

  expect(answers.map(codeOf)).toEqual(["too_soon", "generation 5"]);
});
