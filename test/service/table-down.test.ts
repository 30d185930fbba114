import { describe, expect, it } from "vitest";
import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import { skew } from "../../functions/auth-core/rules/tokens/token-set.ts";
import { leaseSeconds } from "../../functions/auth-core/use-cases/lease.ts";
import { around } from "../../fixtures/around.ts";
import { startWithToken } from "../support/world.ts";

const requirements = { minTtl: 60 };
const unavailable = { failure: { code: "unavailable", retryAfter: 1 } };

/** A stored token, and a table whose methods can fail: those whose names are in `down`, or `all`. */
async function startWithSwitch() {
  const world = await startWithToken();
  const down = new Set<string>();
  const table = around(world.ports.table, (call, name) =>
    down.has("all") || down.has(name) ? Promise.reject(new UnavailableError("fake: the table is away")) : call(),
  );
  return { ...world, down, table, warm: world.service({ table }), cold: () => world.service({ table }) };
}

describe("TokenService while the table does not answer", () => {
  it("serves a valid token from memory at any age, an expired one never, and reports the table", async () => {
    const { warm, connection, clock, down, notices } = await startWithSwitch();
    await warm.get(connection, requirements);
    down.add("all");

    clock.advance(3600 - skew - 0.5);
    const valid = await warm.get(connection, requirements);
    clock.advance(0.5);

    expect(valid).toMatchObject({ kind: "token", source: "memory", generation: 1 });
    expect(notices.at(-1)).toMatchObject({ kind: "table_unavailable", connection });
    expect(await warm.get(connection, requirements)).toMatchObject(unavailable);
  });

  it("serves no token from memory to a caller that saw one rejected", async () => {
    const { warm, connection, down } = await startWithSwitch();
    await warm.get(connection, requirements);
    down.add("all");

    expect(await warm.get(connection, { minTtl: 0, rejectedSha256: "0".repeat(64) })).toMatchObject(unavailable);
  });
});

it("TokenService serves the token of the environment that took over its lease, if no later read succeeds", async () => {
  const { connection, clock, simulator, ports, service } = await startWithToken();
  clock.advance(3600);
  simulator.setScenario({ mode: "refused" });
  let readsLeft = Number.POSITIVE_INFINITY;
  const table = around(ports.table, async (call, name) => {
    if (name === "read" && (readsLeft -= 1) < 0) throw new UnavailableError("fake: the table is away");
    if (name !== "write") return call();
    clock.advance(leaseSeconds + 1);
    simulator.setScenario({ mode: "ok" });
    await service({ table: ports.table }).get(connection, requirements);
    // The one that compares the refused write with the item.
    readsLeft = 1;
    return call();
  });

  const answer = await service({ table }).get(connection, requirements);

  expect(answer).toMatchObject({ kind: "token", source: "table", generation: 2 });
});

describe("a commit that cannot be written", () => {
  it("is retried until the lease ends; the caller gets the token, it is reported, and the API key recovers", async () => {
    const { cold, connection, clock, down, notices, item, ...world } = await startWithSwitch();
    clock.advance(3600);
    down.add("write");
    const started = clock.now();

    const unwritten = await world.settled(cold().get(connection, requirements));

    expect(unwritten).toMatchObject({ kind: "token", source: "upstream", set: { obtainedBy: "refresh_token" } });
    expect(notices.at(-1)).toEqual({ kind: "commit_not_written", connection, reason: "fake: the table is away" });
    expect(clock.now() - started).toBeGreaterThan(leaseSeconds - 2);
    expect(clock.now() - started).toBeLessThan(leaseSeconds);
    expect(await item()).toMatchObject({ generation: 1 });
    down.clear();
    clock.advance(leaseSeconds);
    const recovered = await world.service().get(connection, requirements);
    expect(recovered).toMatchObject({ kind: "token", generation: 2, set: { obtainedBy: "api_key" } });
  });

  it.each([
    [0, 0.05],
    [1, 0.1],
  ])("is first repeated after a pause with jitter: for the random number %d after %d s", async (random, pause) => {
    const { connection, clock, down, table, item, ...world } = await startWithSwitch();
    clock.advance(3600);
    down.add("write");
    const answer = world.service({ table, random: () => random }).get(connection, requirements);
    await clock.asleep();
    down.clear();
    const started = clock.now();

    expect(await clock.passUntil(answer)).toMatchObject({ kind: "token", generation: 2 });
    expect(clock.now() - started).toBeCloseTo(pause);
    expect(await item()).toMatchObject({ generation: 2 });
  });

  it("counts as failed in a sweep", async () => {
    const { connection, clock, down, table, ...world } = await startWithSwitch();
    clock.advance(2400);
    down.add("write");

    expect(await clock.passUntil(world.sweep(connection, { table }))).toMatchObject({ replaced: 0, failed: 1 });
  });

  it("never returns a token that expired in the meantime", async () => {
    const { cold, connection, clock, down, simulator } = await startWithSwitch();
    clock.advance(3600);
    simulator.setScenario({ lifetime: skew + 5 });
    down.add("write");

    const answer = await clock.passUntil(cold().get(connection, requirements));

    expect(answer).toMatchObject({ kind: "failure", failure: { code: "upstream_unavailable" } });
  });
});
