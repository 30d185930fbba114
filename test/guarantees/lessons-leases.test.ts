import { expect, it } from "vitest";
import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import { isSufficient } from "../../functions/auth-core/rules/token-set.ts";
import type { Ports } from "../../functions/auth-core/use-cases/ports.ts";
import { replace } from "../../functions/auth-core/use-cases/replace.ts";
import { around } from "./around.ts";
import { startWithToken } from "./stored-token.ts";
import { startSteppedWorld } from "./stepped-world.ts";

const requirements = { minTtl: 60 };

it("the token is read again after getting the lease: who finds it good replaces nothing", async () => {
  const { connection, ports, item, ...world } = await startWithToken();
  const isNeeded: Parameters<typeof replace>[3] = ({ tokenSet }) =>
    !tokenSet || !isSufficient(tokenSet, world.clock.now(), requirements);

  const outcome = await replace(ports, connection, await item(), isNeeded);

  expect(outcome).toMatchObject({ kind: "already_replaced", item: { generation: 1 } });
  expect(world.asked()).toMatchObject({ exchanges: 1, refreshes: 0 });
  expect(await item()).not.toHaveProperty("leaseOwner");
});

it("the token is read again after giving up waiting for it", async () => {
  const { connection, ports, item, clock, ...world } = await startWithToken();
  clock.advance(3600);
  const old = await item();
  const lease = { expected: old, owner: "other", now: clock.now(), until: clock.now() + 15 };
  await ports.table.takeLease(connection, lease);
  const leased = await item();
  const stale: Ports["table"] = {
    ...ports.table,
    read: async (asked, consistency) => (consistency === "strong" ? ports.table.read(asked, consistency) : leased),
  };
  const waiting = world.service({ table: stale }).get(connection, requirements);
  await clock.asleep();
  const tokenSet = { ...old!.tokenSet!, accessTokenExpiresAt: clock.now() + 3600 };
  await ports.table.write({ ...old!, tokenSet, generation: 2 }, { owner: "other", generation: 1 });

  expect(await world.settled(waiting)).toMatchObject({ kind: "token", generation: 2, source: "table" });
});

it("the lease outlives the whole upstream time budget: a grant and an exchange at their slowest are one replacement", async () => {
  const { connection, ports, item, clock, ...world } = await startWithToken();
  clock.advance(3600);
  const upstream: Ports["upstream"] = {
    async call(request, registration) {
      await clock.sleep(5);
      if (request.grant === "api_key") return ports.upstream.call(request, registration);
      return { kind: "temporary", reason: "fake timeout", rateLimited: false };
    },
  };

  const answers = await world.settled(
    Promise.all(Array.from({ length: 3 }, () => world.service({ upstream }).get(connection, { minTtl: 0 }))),
  );

  // The two that waited gave up after 8 s; nobody took the lease over, and the slow one could still commit.
  expect(answers.filter(({ kind }) => kind === "token")).toMatchObject([{ generation: 2, source: "upstream" }]);
  expect(world.asked().exchanges).toBe(2);
  expect(await item()).toMatchObject({ generation: 2, failures: 0 });
});

it("the refresh token is read under the lease: the one that was seen before it is not used", async () => {
  const { connection, ports, clock, ...world } = await startWithToken();
  clock.advance(3600);
  let isOvertaken = false;
  const table: Ports["table"] = {
    ...ports.table,
    async takeLease(...asked) {
      if (!isOvertaken) {
        isOvertaken = true;
        world.simulator.setScenario({ lifetime: 6 });
        await world.service().get(connection, requirements);
        world.simulator.setScenario({ lifetime: 3600 });
        clock.advance(2);
      }
      return ports.table.takeLease(...asked);
    },
  };

  const answer = await world.service({ table }).get(connection, requirements);

  expect(answer).toMatchObject({ generation: 3, set: { obtainedBy: "refresh_token" } });
  const spent = world.simulator.requests.filter(({ path }) => path === "/oauth/token").map(({ body }) => body);
  expect(new Set(spent).size).toBe(2);
  expect(world.asked()).toMatchObject({ exchanges: 1, refreshes: 2 });
});

it("the lease is an absolute time: a newcomer waits only for what is left of it", async () => {
  const { connection, ports, item, clock, ...world } = await startWithToken();
  clock.advance(3600);
  const now = clock.now();
  await ports.table.takeLease(connection, { expected: await item(), owner: "dead", now, until: now + 15 });
  clock.advance(12);

  const answer = await world.settled(world.service().get(connection, requirements));

  expect(answer).toMatchObject({ kind: "token", generation: 2 });
  expect(clock.now() - now).toBeGreaterThanOrEqual(15);
  expect(clock.now() - now).toBeLessThan(16.2);
});

it("a write that fails after the refresh token was spent: the caller has the token, it is said, the API key recovers", async () => {
  const { connection, ports, clock, ...world } = await startWithToken();
  clock.advance(3600);
  let writes = 0;
  const table = around(ports.table, async (call, name) => {
    if (name !== "write") return call();
    writes += 1;
    throw new UnavailableError("fake: no writes");
  });

  const unwritten = await world.settled(world.service({ table }).get(connection, requirements));
  clock.advance(15);
  const recovered = await world.service().get(connection, requirements);

  expect(unwritten).toMatchObject({ kind: "token", set: { obtainedBy: "refresh_token" } });
  expect(writes).toBeGreaterThan(3);
  expect(world.notices).toContainEqual(expect.objectContaining({ kind: "commit_not_written" }));
  expect(recovered).toMatchObject({ kind: "token", generation: 2, set: { obtainedBy: "api_key" } });
});

it("the lease write proves that the table is writable before a refresh token is spent", async () => {
  const { connection, ports, clock, ...world } = await startWithToken();
  clock.advance(3600);
  const table = around(ports.table, async (call, name) => {
    if (name === "read") return call();
    throw new UnavailableError("fake: no writes");
  });

  const answer = await world.service({ table }).get(connection, requirements);

  expect(answer).toMatchObject({ failure: { code: "unavailable" } });
  expect(world.asked()).toMatchObject({ exchanges: 1, refreshes: 0 });
});

it("nothing but lease and generation fails a commit: other writes to the item do not", async () => {
  const { connection, ports, item, clock, ...world } = await startWithToken();
  clock.advance(3600);
  const upstream: Ports["upstream"] = {
    async call(...asked) {
      await ports.table.claimRegistrationCheck(connection, clock.now(), clock.now() - 60);
      const raw = await world.table.raw(connection);
      await world.table.put({ ...raw, note: { S: "fake" }, failures: { N: "7" }, retryAt: { N: "9000000000" } });
      return ports.upstream.call(...asked);
    },
  };

  const answer = await world.service({ upstream }).get(connection, requirements);

  expect(answer).toMatchObject({ kind: "token", generation: 2 });
  expect(await item()).toMatchObject({ generation: 2, failures: 0 });
});

it("after a refusal the token is read again: who lost a race takes the winner's, and no credential is called dead", async () => {
  const { connection, ports, item, clock, ...world } = await startWithToken();
  clock.advance(3600);
  const upstream: Ports["upstream"] = {
    async call(...asked) {
      clock.advance(16);
      await world.service().get(connection, requirements);
      return ports.upstream.call(...asked);
    },
  };

  const loser = await world.service({ upstream }).get(connection, requirements);

  expect(loser).toMatchObject({ kind: "token", generation: 2, source: "table" });
  expect(await item()).toMatchObject({ generation: 2, failures: 0 });
  expect(await item()).not.toHaveProperty("lastError");
});

it("only the owner releases a lease", async () => {
  const world = await startSteppedWorld();
  const connection = world.register("webapicorso");
  const { table } = world.ports;
  const now = world.clock.now();
  await table.takeLease(connection, { expected: undefined, owner: "owner", now, until: now + 15 });

  await table.release(connection, "other");
  const kept = await table.read(connection, "strong");
  await table.release(connection, "owner");

  expect(kept).toMatchObject({ leaseOwner: "owner" });
  expect(await table.read(connection, "strong")).not.toHaveProperty("leaseOwner");
});
