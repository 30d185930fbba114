import { describe, expect, it } from "vitest";
import type { BrokerEvent } from "../../functions/auth-core/rules/event.ts";
import { leaseSeconds } from "../../functions/auth-core/use-cases/lease.ts";
import type { Ports } from "../../functions/auth-core/use-cases/ports.ts";
import { around } from "../../fixtures/around.ts";
import { startWithToken } from "../support/world.ts";

// A write of a replacement succeeds and ends its lease, but its response is lost. The SDK repeats the write, and the table
// refuses it. So does a write whose lease another environment has taken over: these two must not be confused.

const rejected = { kind: "rejected", status: 401 } as const;

/** A stored token, by default an expired one, and all events and notices from then on. */
async function start({ age = 3600, ...scenario }: { age?: number } & Parameters<typeof startWithToken>[0] = {}) {
  const { connection, clock, notices, ports, ...world } = await startWithToken(scenario);
  // A real clock has more digits than the table keeps.
  clock.advance(age + 0.0004);
  notices.length = 0;
  const events: BrokerEvent[] = [];
  const ownPorts: Partial<Ports> = { events: { put: async (event) => void events.push(event) } };
  /** The table, which applies each outcome of a replacement and loses its first response. */
  const tableLosing = (meanwhile: () => Promise<void>) =>
    around(ports.table, (call, name) => (name === "write" ? call().then(meanwhile).then(call) : call()));
  return {
    ...world,
    connection,
    clock,
    ports,
    /** Requests a token in a new environment. */
    get: (other: Partial<Ports> = {}, minTtl = 60) =>
      world.service({ ...ownPorts, ...other }).get(connection, { minTtl }),
    sweep: (other: Partial<Ports>) => world.sweep(connection, { ...ownPorts, ...other }),
    sent: () => events.map(({ kind }) => kind),
    noticed: () => notices.map(({ kind }) => kind),
    table: tableLosing(async () => {}),
    tableLosing,
  };
}

describe("a replacement that loses the response to its own write", () => {
  it("reports its new token set and the recovery of the connection", async () => {
    const { get, table, simulator, clock, ...world } = await start();
    simulator.setScenario({ mode: "refused" });
    await get();
    simulator.setScenario({ mode: "ok" });
    clock.advance(3600);

    const answer = await get({ table });

    expect(answer).toMatchObject({ kind: "token", source: "upstream", generation: 2 });
    expect(world.sent()).toEqual(["connection_rejected", "connection_recovered"]);
    expect(world.noticed()).toEqual([
      "refresh_failed",
      "replacement_failed",
      "connection_rejected",
      "replaced",
      "connection_recovered",
    ]);
    expect(await world.item()).toMatchObject({ generation: 2, failures: 0 });
  });

  it("reports a replacement that returned the same token", async () => {
    const { get, table, ...world } = await start({ age: 2400, sameToken: true });

    expect(await get({ table }, 1300)).toMatchObject({ kind: "token", source: "upstream", generation: 1 });
    expect(world.noticed()).toEqual(["replaced"]);
    expect(world.sent()).toEqual([]);
  });

  it.each(["takes the lease", "makes the connection due", "does both"])(
    "reports the rejection and the recovery, although another process %s before the write is repeated",
    async (act) => {
      const { get, clock, ports, simulator, ...world } = await start();
      const table = world.tableLosing(async () => {
        const { connection } = world;
        clock.advance(0.5);
        // As `broker keys stage` does.
        if (act !== "takes the lease") expect(await ports.table.makeDue(connection, clock.now())).toBe(true);
        if (act === "makes the connection due") return;
        const lease = { expected: await world.item(), owner: "other", now: clock.now(), until: clock.now() + 15 };
        expect(await ports.table.takeLease(connection, lease)).toMatchObject({ leaseOwner: "other" });
      });

      simulator.setScenario({ mode: "refused" });
      await world.settled(get({ table }));
      simulator.setScenario({ mode: "ok" });
      clock.advance(3600);
      await world.settled(get({ table }));

      expect(world.sent()).toEqual(["connection_rejected", "connection_recovered"]);
      expect(world.noticed()).toEqual(expect.arrayContaining(world.sent()));
    },
  );

  it.each(["refused", "unavailable"] as const)(
    "reports the rejection, although another key fails too before the write is repeated: %s",
    async (mode) => {
      const { get, simulator, ...world } = await start();
      const table = world.tableLosing(async () => {
        world.register("webapicorso", { apiKey: "fake-second-key" });
        simulator.setScenario({ mode });
        world.clock.advance(0.5);
        await get();
      });

      simulator.setScenario({ mode: "refused" });
      await world.settled(get({ table }));

      expect(await world.item()).toMatchObject({ failures: 2, operatorError: "credentials_rejected" });
      expect(world.sent()).toEqual(["connection_rejected"]);
    },
  );

  it("reports that the registration is gone", async () => {
    const { sweep, table, connection, ...world } = await start();
    world.remove(connection);

    expect(await sweep({ table })).toMatchObject({ erased: 1 });
    expect(world.noticed()).toEqual(["registration_gone"]);
    expect(await world.item()).toMatchObject({ generation: 2, failures: 0 });
  });
});

it("A write that the table refused without applying it does not count as done, while its lease is still held", async () => {
  const { get, sent, noticed, item, ...world } = await start();

  await get({ table: { ...world.table, write: () => Promise.resolve(false) } });

  expect(noticed()).toContain("commit_not_written");
  expect(sent()).toEqual([]);
  expect(await item()).toMatchObject({ generation: 1 });
});

describe("a replacement that lost its lease to another environment with the same outcome", () => {
  it("reports no new token set, though both received the same token", async () => {
    const { get, item, clock, ...world } = await start();
    const upstream = world.upstreamAfter(async () => {
      clock.advance(leaseSeconds + 1);
      await get();
      const { accessToken } = (await item())!.tokenSet!;
      return { kind: "tokens", tokens: { accessToken, sentAt: clock.now() - 2, lifetime: 3600 } };
    });

    expect(await get({ upstream })).toMatchObject({ kind: "token", source: "table", generation: 2 });
    expect(world.noticed()).toEqual(["replaced"]);
  });

  it("reports no replacement, though both received the stored token again", async () => {
    const { get, item, clock, ...world } = await start({ age: 2400, sameToken: true });
    const upstream = world.upstreamAfter(async () => {
      // Two attempts are at least 30 s apart while the token is valid.
      clock.advance(31);
      await get({}, 1300);
      const { accessToken } = (await item())!.tokenSet!;
      return { kind: "tokens", tokens: { accessToken, sentAt: clock.now(), lifetime: 1000 } };
    });

    expect(await get({ upstream }, 1300)).toMatchObject({ kind: "token", source: "upstream", generation: 1 });
    expect(world.noticed()).toEqual(["replaced", "commit_not_written"]);
  });

  it("reports no rejected API key again", async () => {
    const { get, simulator, clock, ...world } = await start();
    simulator.setScenario({ mode: "refused" });
    const upstream = world.upstreamAfter(async (grant) => {
      if (grant === "api_key") {
        clock.advance(leaseSeconds + 1);
        await get();
        clock.advance(0.002);
      }
      return rejected;
    });

    expect(await get({ upstream })).toMatchObject({ kind: "failure" });
    expect(world.sent()).toEqual(["connection_rejected"]);
    expect(await world.item()).toMatchObject({ failures: 1 });
  });

  it("reports no registration that is gone again", async () => {
    const { get, connection, clock, ...world } = await start();
    world.remove(connection);
    let isOvertaken = false;
    const read: Ports["registrations"]["read"] = async () => {
      if (!isOvertaken) {
        isOvertaken = true;
        clock.advance(leaseSeconds + 1);
        await get();
        clock.advance(0.002);
      }
      return { kind: "unknown" };
    };

    expect(await get({ registrations: { read } })).toMatchObject({ kind: "failure" });
    expect(world.noticed()).toEqual(["registration_gone"]);
    expect(await world.item()).toMatchObject({ generation: 2 });
  });
});
