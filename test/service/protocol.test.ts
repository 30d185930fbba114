import { describe, expect, it } from "vitest";
import { registrationCheckInterval } from "../../functions/auth-core/rules/tokens/decision.ts";
import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import { isSufficient } from "../../functions/auth-core/rules/tokens/token-set.ts";
import type { UpstreamResult } from "../../functions/auth-core/rules/upstream/upstream-response.ts";
import { leaseSeconds } from "../../functions/auth-core/use-cases/lease.ts";
import type { Ports } from "../../functions/auth-core/use-cases/ports.ts";
import { replace } from "../../functions/auth-core/use-cases/replace.ts";
import { around } from "../../fixtures/around.ts";
import { connectionId } from "../../fixtures/registration.ts";
import { startWithToken, startWorld } from "../support/world.ts";

// The rules of the lease and of the replacement, without which a guarantee breaks in some order of events.

const requirements = { minTtl: 60 };
const lateToken = new Secret("fake-access-late");
const temporary: UpstreamResult = { kind: "temporary", reason: "fake", rateLimited: true };

/** A stored token that has expired. */
async function startWithExpired() {
  const world = await startWithToken();
  world.clock.advance(3600);
  return { ...world, get: (other: Partial<Ports> = {}) => world.service(other).get(world.connection, requirements) };
}

/** A replacement whose lease ends during its upstream call: another environment commits, then the call has a result. */
async function startOvertaken(result: (at: number) => UpstreamResult | undefined) {
  const { get, ...world } = await startWithExpired();
  let isOvertaken = false;
  const upstream = world.upstreamAfter(async () => {
    if (isOvertaken) return undefined;
    isOvertaken = true;
    world.clock.advance(leaseSeconds + 1);
    await get();
    return result(world.clock.now());
  });
  const answer = await get({ upstream });
  return { ...world, answer, stored: await world.item() };
}

describe("TokenService reads the item consistently before every error", () => {
  it.each(["unknown", "not ready", "unavailable"])("also before one about a registration that is %s", async (state) => {
    const world = await startWorld();
    const connection = connectionId("webapicorso");
    // The secret is not usable when it is read, and another environment commits before the read has its result.
    const registrations: Ports["registrations"] = {
      async read() {
        world.register("webapicorso");
        await world.service().get(connection, requirements);
        if (state === "unavailable") throw new UnavailableError("fake: away");
        return state === "unknown" ? { kind: "unknown" } : { kind: "not_ready", detail: "fake" };
      },
    };

    // An eventually consistent read does not show that commit yet.
    const read: Ports["table"]["read"] = async (of, consistency) =>
      consistency === "strong" ? world.ports.table.read(of, consistency) : undefined;

    const table = { ...world.ports.table, read };
    const answer = await world.service({ registrations, table }).get(connection, requirements);

    expect(answer).toMatchObject({ kind: "token", generation: 1, source: "table" });
  });

  it.each([
    ["fails", temporary],
    ["rejects the credential", { kind: "rejected", status: 401 } as const],
  ])("also when upstream %s: no failure is stored over the token of another environment", async (_, result) => {
    const { answer, stored } = await startOvertaken(() => result);

    expect(answer).toMatchObject({ kind: "token", generation: 2, source: "table" });
    expect(stored).toMatchObject({ generation: 2, failures: 0 });
    for (const gone of ["retryAt", "lastError"]) expect(stored).not.toHaveProperty(gone);
  });

  it("also after it has waited for another environment without a result", async () => {
    const { connection, ports, item, clock, ...world } = await startWithExpired();
    const old = await item();
    const lease = { expected: old, owner: "other", now: clock.now(), until: clock.now() + leaseSeconds };
    await ports.table.takeLease(connection, lease);
    const leased = await item();
    const read: Ports["table"]["read"] = async (of, consistency) =>
      consistency === "strong" ? ports.table.read(of, consistency) : leased;
    const waiting = world.service({ table: { ...ports.table, read } }).get(connection, requirements);
    await clock.asleep();
    const tokenSet = { ...old!.tokenSet!, accessTokenExpiresAt: clock.now() + 3600 };
    await ports.table.write({ ...old!, tokenSet, generation: 2 }, { owner: "other", generation: 1 });

    expect(await world.settled(waiting)).toMatchObject({ kind: "token", generation: 2, source: "table" });
  });
});

it("TokenService uses its memory of unknown connections only after the table says that there is no item", async () => {
  const world = await startWorld();
  const service = world.service();
  const connection = connectionId("webapicorso");
  await service.get(connection, requirements);
  world.register("webapicorso");
  await world.service().get(connection, requirements);

  expect(await service.get(connection, requirements)).toMatchObject({ kind: "token", source: "table" });
});

describe("a replacement", () => {
  it("reads the item again under its lease, and makes no call if no replacement is needed any more", async () => {
    const { connection, ports, item, ...world } = await startWithToken();
    const before = world.callCounts();

    const outcome = await replace(
      ports,
      connection,
      await item(),
      ({ tokenSet }) => !tokenSet || !isSufficient(tokenSet, world.clock.now(), requirements),
    );

    expect(outcome).toMatchObject({ kind: "already_replaced", item: { generation: 1 } });
    expect(world.callCounts()).toEqual(before);
    expect(await item()).not.toHaveProperty("leaseOwner");
  });

  it("returns the newer item though the table does not release the lease, and reports that", async () => {
    const { connection, ports, item, notices } = await startWithToken();
    const release = () => Promise.reject(new UnavailableError("fake: the table is away"));
    const table = { ...ports.table, release };

    const outcome = await replace({ ...ports, table }, connection, await item(), () => false);

    expect(outcome).toMatchObject({ kind: "already_replaced", item: { generation: 1 } });
    expect(notices.at(-1)).toEqual({ kind: "table_unavailable", connection, reason: "fake: the table is away" });
  });

  it("takes no lease and makes no call if the item has changed since it was read", async () => {
    const { connection, ports, ...world } = await startWithToken();
    const before = world.callCounts();

    expect(await replace(ports, connection, { generation: 0, failures: 0 }, () => true)).toEqual({ kind: "conflict" });
    expect(world.callCounts()).toEqual(before);
  });

  it("makes no call with another key if an environment with a fast clock took its lease before that key was noted", async () => {
    const { ports, clock, connection, item, ...world } = await startWithExpired();
    world.register(connection, { apiKey: "fake-key-2" });
    const before = world.callCounts().exchanges;
    const now = clock.now() + leaseSeconds + 1;
    const table = around(ports.table, async (call, name) => {
      const lease = { expected: await item(), owner: "other", now, until: now + leaseSeconds };
      if (name === "noteKey") await ports.table.takeLease(connection, lease);
      return call();
    });

    expect(await replace({ ...ports, table }, connection, await item(), () => true)).toEqual({ kind: "conflict" });
    expect(world.callCounts().exchanges).toBe(before);
    expect(await item()).toMatchObject({ leaseOwner: "other", retiringKeys: {} });
    expect(world.notices.map(({ kind }) => kind)).not.toContain("replacement_failed");
  });

  it.each([
    [0, [0.05, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05, 0.0525], 0.5],
    [1, [0.1, 0.1, 0.1, 0.1, 0.12, 0.156], 1],
  ])(
    "waits for another environment with pauses that grow with the time waited, with jitter for the random number %d",
    async (random, first, longest) => {
      const { ports, clock, connection, item, ...world } = await startWithExpired();
      const now = clock.now();
      await ports.table.takeLease(connection, {
        expected: await item(),
        owner: "other",
        now,
        until: now + leaseSeconds,
      });
      const pauses: number[] = [];
      const sleep = (seconds: number) => {
        pauses.push(seconds);
        return clock.sleep(seconds);
      };

      const service = world.service({ clock: { now: () => clock.now(), sleep }, random: () => random });
      const answer = await clock.passUntil(service.get(connection, { minTtl: 60 }));

      expect(answer).toMatchObject({ failure: { code: "upstream_unavailable", retryAfter: 1 } });
      expect(pauses.slice(0, first.length)).toEqual(first.map((pause) => expect.closeTo(pause, 4)));
      expect(Math.max(...pauses)).toBeCloseTo(longest);
    },
  );

  it("uses the refresh token that it reads under the lease, not the one that it read before", async () => {
    const { get, ports, clock, ...world } = await startWithExpired();
    let isOvertaken = false;
    const table = around(ports.table, async (call, name) => {
      if (name === "takeLease" && !isOvertaken) {
        isOvertaken = true;
        world.simulator.setScenario({ lifetime: 6 });
        await get();
        world.simulator.setScenario({ lifetime: 3600 });
        clock.advance(2);
      }
      return call();
    });

    const answer = await get({ table });

    expect(answer).toMatchObject({ generation: 3, set: { obtainedBy: "refresh_token" } });
    const spent = world.simulator.requests.filter(({ path }) => path === "/oauth/token").map(({ body }) => body);
    expect(new Set(spent).size).toBe(2);
    expect(world.callCounts()).toMatchObject({ exchanges: 1, refreshes: 2 });
  });

  it("that lost its lease does not store its older token, and serves the newer one", async () => {
    const tokens = (sentAt: number) => ({ accessToken: lateToken, sentAt: sentAt - leaseSeconds, lifetime: 9000 });
    const { answer, stored, notices } = await startOvertaken((at) => ({ kind: "tokens", tokens: tokens(at) }));

    expect(answer).toMatchObject({ kind: "token", generation: 2, source: "table" });
    expect(stored).toMatchObject({ generation: 2 });
    expect(stored?.tokenSet?.accessToken.equals(lateToken)).toBe(false);
    expect(notices.map(({ kind }) => kind)).toEqual(["replaced", "replaced"]);
  });

  it("that lost its lease serves its new token while the new owner has stored nothing, though the old one is valid", async () => {
    const { connection, clock, ports, item, ...world } = await startWithToken();
    clock.advance(2400);
    const upstream = world.upstreamAfter(async () => {
      clock.advance(leaseSeconds + 1);
      const now = clock.now();
      await ports.table.takeLease(connection, {
        expected: await item(),
        owner: "other",
        now,
        until: now + leaseSeconds,
      });
    });

    const answer = await world.service({ upstream }).get(connection, { minTtl: 1300 });

    expect(answer).toMatchObject({ kind: "token", generation: 2, source: "upstream" });
    expect(world.notices.at(-1)).toMatchObject({ kind: "commit_not_written" });
    expect(await item()).toMatchObject({ generation: 1, leaseOwner: "other" });
  });

  it("that lost its lease serves its own token if the stored one has expired", async () => {
    const { get, clock, ...world } = await startWithExpired();
    let isOvertaken = false;
    const upstream = world.upstreamAfter(async () => {
      if (isOvertaken) return;
      isOvertaken = true;
      clock.advance(leaseSeconds + 1);
      world.simulator.setScenario({ lifetime: 6 });
      await get();
      world.simulator.setScenario({ lifetime: 3600 });
      clock.advance(2);
      return { kind: "tokens", tokens: { accessToken: lateToken, sentAt: clock.now(), lifetime: 3600 } };
    });

    const answer = await get({ upstream });

    expect(answer).toMatchObject({ kind: "token", source: "upstream" });
    expect(answer.kind === "token" && answer.set.accessToken.equals(lateToken)).toBe(true);
  });

  it("keeps the note of a failed refresh grant when the registration cannot be read", async () => {
    const { get, item, clock, ...world } = await startWithExpired();
    world.simulator.setScenario({ mode: "error" });
    await get();
    clock.advance(10);
    world.secrets.faults.set("GetSecretValue", "AccessDeniedException");

    await get();

    expect(await item()).toMatchObject({ failures: 2, skipRefresh: true, lastError: { code: "unavailable" } });
  });

  it("stores that the refresh grant failed: the next attempt of any environment starts with the API key", async () => {
    const { get, item, clock, ...world } = await startWithExpired();
    world.simulator.setScenario({ mode: "error" });
    await get();
    const failed = await item();
    world.simulator.setScenario({ mode: "ok" });
    clock.advance(10);

    expect(await get()).toMatchObject({ kind: "token", set: { obtainedBy: "api_key" } });
    expect(failed).toMatchObject({ skipRefresh: true });
    expect(world.callCounts()).toMatchObject({ exchanges: 3, refreshes: 1 });
  });
});

it("TokenService replaces nothing in a backoff if another environment claims the registration check first", async () => {
  const { get, ports, ...world } = await startWithExpired();
  world.simulator.revokeKey("fake-key-1");
  world.simulator.setScenario({ mode: "refused", on: "refresh" });
  await get();
  const before = world.callCounts();
  const table = around(ports.table, async (call, name) => {
    if (name === "claimRegistrationCheck") await get();
    return call();
  });

  expect(await get({ table })).toMatchObject({ failure: { code: "credentials_rejected" } });
  expect(world.callCounts()).toEqual({ ...before, secrets: before.secrets + 1 });
});

it("TokenService replaces nothing in a backoff if the registration cannot be read or used", async () => {
  const { get, clock, item, secrets, ...world } = await startWithExpired();
  world.simulator.setScenario({ mode: "refused" });
  await get();
  const [stored, { exchanges, refreshes }] = [await item(), world.callCounts()];
  for (const damage of [
    // Only the check fails: a replacement could read the registration.
    () => secrets.faults.set("GetSecretValue", "InternalServiceError", 1),
    () => world.put(connectionId("webapicorso"), "{}"),
  ]) {
    damage();
    expect(await get()).toMatchObject({ failure: { code: "credentials_rejected" } });
    expect(await item()).toEqual({ ...stored, registrationCheckedAt: clock.now() });
    clock.advance(registrationCheckInterval);
  }

  expect(world.callCounts()).toMatchObject({ exchanges, refreshes });
});

describe.each(["rejected", "not ready"])("TokenService in a backoff after a registration that is %s", (state) => {
  it.each([
    ["GET", requirements],
    ["POST", { minTtl: 0, rejectedSha256: "0".repeat(64) }],
  ])(
    "rechecks the registration once an interval for %s, and makes one read of the table otherwise",
    async (_, asking) => {
      const { get, connection, clock, ports, ...world } = await startWithExpired();
      if (state === "rejected") {
        world.simulator.revokeKey("fake-key-1");
        world.simulator.setScenario({ mode: "refused", on: "refresh" });
      } else world.put(connectionId("webapicorso"), "{}");
      await get();
      const { exchanges, refreshes } = world.callCounts();
      const rechecks: number[] = [];
      let calls: string[] = [];
      const table = around(ports.table, (call, name) => (calls.push(name), call()));

      for (let second = 0; second < 2 * registrationCheckInterval; second += 1) {
        calls = [];
        const { secrets } = world.callCounts();
        await world.service({ table }).get(connection, asking);
        if (world.callCounts().secrets > secrets) rechecks.push(second);
        else expect(calls).toEqual(["read"]);
        clock.advance(1);
      }

      expect(rechecks).toEqual([0, registrationCheckInterval]);
      expect(world.callCounts()).toMatchObject({ exchanges, refreshes });
      world.register("webapicorso", { apiKey: "fake-key-2" });
      expect(await world.service().get(connection, asking)).toMatchObject({ kind: "token", generation: 2 });
    },
  );
});
