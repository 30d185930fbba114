import { describe, expect, it } from "vitest";
import type { ConnectionItem } from "../../functions/auth-core/rules/tokens/connection-item.ts";
import type { TokenTable } from "../../functions/auth-core/use-cases/ports.ts";
import { leaseSeconds } from "../../functions/auth-core/use-cases/lease.ts";
import type { SweepSummary } from "../../functions/auth-core/rules/tokens/measurements.ts";
import { closedGate } from "../support/gate.ts";
import { startWorld, type World } from "../support/world.ts";
import { halfLife, itemOf, startConnections, startDue, summaryOf, sweepAll } from "./sweep-world.ts";

const twelve = Array.from({ length: 12 }, (_, index) => `connection-${index}`);

/** The ports of a sweep whose upstream calls wait at a gate. */
function behind(gate: ReturnType<typeof closedGate>, { ports }: World) {
  const call: typeof ports.upstream.call = async (...args) => {
    await gate.pass();
    return ports.upstream.call(...args);
  };
  return { upstream: { call } };
}

/** A table whose index and reads return a connection as it was, while writes act on it as it is. */
function stuckAt(expected: ConnectionItem, { ports }: World): TokenTable {
  const { connection, failures, nextActionAt = 0 } = expected;
  return {
    ...ports.table,
    due: async (partition) => (partition === 0 ? [{ connection, failures, nextActionAt }] : []),
    read: async () => expected,
  };
}

describe("A lease that another environment holds", () => {
  it("stays with it: the sweep does not take it, and counts it", async () => {
    const { world, connection } = await startDue();
    const now = world.clock.now();
    const expected = await itemOf(world, connection);
    await world.ports.table.takeLease(connection, { expected, owner: "caller", now, until: now + leaseSeconds });

    const takeLease = () => expect.unreachable("the sweep tried to take the lease");
    const summary = await sweepAll(world, { table: { ...world.ports.table, takeLease } });

    expect(summary).toEqual(summaryOf({ due: 1, leasedByOthers: 1 }));
    expect(world.callCounts()).toMatchObject({ exchanges: 1, refreshes: 0 });
    expect(await itemOf(world, connection)).toMatchObject({ leaseOwner: "caller" });
  });

  it("is taken over when it has ended because its owner died", async () => {
    const { world, connection } = await startDue();
    const now = world.clock.now();
    const expected = await itemOf(world, connection);
    await world.ports.table.takeLease(connection, { expected, owner: "dead", now, until: now + leaseSeconds });

    world.clock.advance(leaseSeconds - 1);
    const before = await sweepAll(world);
    world.clock.advance(1);
    const after = await sweepAll(world);

    expect(before).toMatchObject({ leasedByOthers: 1, replaced: 0 });
    expect(after).toMatchObject({ leasedByOthers: 0, replaced: 1 });
    expect(await itemOf(world, connection)).toMatchObject({ generation: 2 });
  });

  it("is taken over if its owner died before the connection had its first token", async () => {
    const world = await startWorld();
    const connection = world.register("webapicorso");
    const now = world.clock.now();
    const until = now + leaseSeconds;
    await world.ports.table.takeLease(connection, { expected: undefined, owner: "dead", now, until });

    world.clock.advance(60);
    const summary = await sweepAll(world);

    expect(summary).toEqual(summaryOf({ due: 1, replaced: 1, oldestLateness: 60 }));
    expect(await itemOf(world, connection)).toMatchObject({ generation: 1 });
  });
});

describe("Two concurrent sweeps", () => {
  it("respect each other's leases: the second makes no upstream call", async () => {
    const world = await startWorld();
    await startConnections(world, ...twelve);
    world.clock.advance(halfLife);
    const gate = closedGate();
    const first = sweepAll(world, behind(gate, world));
    await gate.reached;
    const leased = async () =>
      (await Promise.all(twelve.map((name) => world.table.raw(name)))).map((raw) => raw?.["leaseOwner"]);
    await expect.poll(leased, { timeout: 10_000 }).not.toContain(undefined);

    const second = await sweepAll(world);
    gate.open();

    expect(second).toEqual(summaryOf({ due: 12, leasedByOthers: 12 }));
    expect(await first).toEqual(summaryOf({ due: 12, replaced: 12 }));
    expect(world.callCounts()).toMatchObject({ exchanges: 12, refreshes: 12 });
  });

  it("make one upstream call for each connection, however they interleave", async () => {
    const world = await startWorld();
    await startConnections(world, ...twelve);
    world.clock.advance(halfLife);

    const [one, other] = await Promise.all([sweepAll(world), sweepAll(world)]);

    expect(one.replaced + other.replaced).toBe(12);
    const notNeeded = ({ leasedByOthers, notDue }: SweepSummary) => leasedByOthers + notDue;
    expect(notNeeded(one) + notNeeded(other)).toBe(one.due + other.due - 12);
    expect(world.callCounts()).toMatchObject({ exchanges: 12, refreshes: 12 });
  });
});

describe("An index that lags behind", () => {
  it("costs a read but no upstream call for what was already replaced", async () => {
    const { world } = await startDue();
    const stale = await Promise.all(
      Array.from({ length: 16 }, (_, partition) => world.ports.table.due(partition, world.clock.now())),
    );
    await sweepAll(world);
    const before = await world.table.raw("webapicorso");
    world.clock.advance(1);
    const table = { ...world.ports.table, due: async (partition: number) => stale[partition] ?? [] };

    const summary = await sweepAll(world, { table });

    expect(summary).toEqual(summaryOf({ due: 1, notDue: 1, oldestLateness: 1 }));
    expect(world.callCounts()).toMatchObject({ exchanges: 1, refreshes: 1 });
    expect(await world.table.raw("webapicorso")).toEqual(before);
  });

  it("costs a read for a connection whose item is gone", async () => {
    const { world } = await startDue();

    const summary = await sweepAll(world, { table: { ...world.ports.table, read: async () => undefined } });

    expect(summary).toEqual(summaryOf({ due: 1, notDue: 1 }));
  });

  it("causes no second replacement if a caller replaced the token between the read and the lease", async () => {
    const { world, connection } = await startDue();
    const expected = await itemOf(world, connection);
    await sweepAll(world);

    const summary = await sweepAll(world, { table: stuckAt(expected, world) });

    expect(summary).toMatchObject({ due: 1, leasedByOthers: 1, replaced: 0 });
    expect(world.callCounts()).toMatchObject({ refreshes: 1 });
  });

  it("causes none either if upstream returned the same token, and so there is no new generation", async () => {
    const { world, connection } = await startDue({ sameToken: true });
    const expected = await itemOf(world, connection);
    await sweepAll(world);

    const summary = await sweepAll(world, { table: stuckAt(expected, world) });

    expect(summary).toMatchObject({ due: 1, leasedByOthers: 1, replaced: 0 });
    expect(world.callCounts()).toMatchObject({ exchanges: 1, refreshes: 1 });
    expect(await itemOf(world, connection)).not.toHaveProperty("leaseOwner");
  });

  it("causes none either if a process stored the same token after its lease had ended", async () => {
    const { world, connection } = await startDue({ sameToken: true });
    let expected: ConnectionItem | undefined;
    const upstream = world.upstreamAfter(async () => {
      world.clock.advance(leaseSeconds);
      expected = await itemOf(world, connection);
    });
    await sweepAll(world, { upstream });

    const summary = await sweepAll(world, { table: stuckAt(expected!, world) });

    expect(summary).toMatchObject({ due: 1, leasedByOthers: 1, replaced: 0 });
    expect(world.callCounts()).toMatchObject({ exchanges: 1, refreshes: 1 });
  });
});
