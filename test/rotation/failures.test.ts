import { describe, expect, it } from "vitest";
import { startWorld } from "../support/world.ts";
import { halfLife, isInIndex, itemOf, startConnections, startDue, summaryOf, sweepAll } from "./sweep-world.ts";

describe("A connection that fails", () => {
  it("keeps its valid token and is retried at retryAt, not earlier", async () => {
    const { world, connection } = await startDue();
    world.simulator.setScenario({ mode: "unavailable" });

    const failed = await sweepAll(world);
    const item = await itemOf(world, connection);
    world.simulator.setScenario({ mode: "ok" });
    world.clock.advance(item.retryAt! - world.clock.now() - 0.5);
    const before = await sweepAll(world);
    world.clock.advance(0.5);
    const then = await sweepAll(world);

    expect(failed).toEqual(summaryOf({ due: 1, failed: 1 }));
    expect(item).toMatchObject({ generation: 1, failures: 1, nextActionAt: item.retryAt });
    expect(item.tokenSet?.accessTokenExpiresAt).toBeGreaterThan(world.clock.now());
    expect(before).toEqual(summaryOf({}));
    expect(then).toEqual(summaryOf({ due: 1, replaced: 1 }));
    expect(await itemOf(world, connection)).toMatchObject({ generation: 2, failures: 0 });
  });

  it("because of a revoked key is retried only every few minutes, whatever the number of sweeps", async () => {
    const { world } = await startDue({ refreshTokens: false });
    world.simulator.revokeKey("fake-key-1");
    const start = world.clock.now();

    for (let minute = 0; minute < 60; minute += 1) {
      await sweepAll(world);
      world.clock.advance(60);
    }

    // Backoffs of 5, 10, 20 and 40 minutes, times three quarters. The next sweep after each tries once.
    const attempts = world.simulator.requests.slice(1).map(({ at }) => (at - start) / 60);
    expect(attempts).toEqual([0, 4, 12, 27, 57]);
  });
});

describe("A registration that was deleted", () => {
  it("loses its tokens at once, and is not due again until its key may be announced", async () => {
    const world = await startWorld();
    const [gone, other] = await startConnections(world, "gone", "other");
    world.remove(gone!);
    world.clock.advance(halfLife);

    const summary = await sweepAll(world);
    const next = await sweepAll(world);

    expect(summary).toEqual(summaryOf({ due: 2, replaced: 1, erased: 1 }));
    expect(next).toEqual(summaryOf({}));
    expect(await isInIndex(world, other!)).toBe(true);
    expect((await itemOf(world, gone!))?.nextActionAt).toBeGreaterThan(world.clock.now() + 7 * 86_400);
    expect(await itemOf(world, gone!)).not.toHaveProperty("tokenSet");
  });
});

describe("An error of one connection", () => {
  it("that is unexpected is reported as a bug, counts as failed and does not stop the others", async () => {
    const world = await startWorld();
    const [broken] = await startConnections(world, "broken", "sound", "healthy");
    world.clock.advance(halfLife);
    const fault = new TypeError("fake fault");
    const registrations: typeof world.ports.registrations = {
      read: (connection) =>
        connection === broken ? Promise.reject(fault) : world.ports.registrations.read(connection),
    };
    const bugs: unknown[] = [];

    const summary = await sweepAll(world, { registrations }, (error) => bugs.push(error));

    expect(summary).toEqual(summaryOf({ due: 3, replaced: 2, failed: 1 }));
    expect(bugs).toEqual([fault]);
  });

  it("that the table causes is not a bug: it is logged, counts as failed and does not stop the others", async () => {
    const world = await startWorld();
    const [unlucky] = await startConnections(world, "unlucky", "sound");
    world.clock.advance(halfLife);
    const { table } = world.ports;
    const read: typeof table.read = (...args) => (args[0] === unlucky ? world.unreachable() : table).read(...args);
    const bugs: unknown[] = [];

    const summary = await sweepAll(world, { table: { ...table, read } }, (error) => bugs.push(error));

    expect(summary).toEqual(summaryOf({ due: 2, replaced: 1, failed: 1 }));
    expect(bugs).toEqual([]);
    expect(world.notices.filter(({ kind }) => kind === "table_unavailable")).toMatchObject([{ connection: unlucky }]);
  });
});

it("A sweep throws if the index cannot be read, and replaces nothing", async () => {
  const { world } = await startDue();
  const due: typeof world.ports.table.due = (...args) => world.unreachable().due(...args);
  const table = { ...world.ports.table, due };

  await expect(sweepAll(world, { table })).rejects.toThrow("DynamoDB");

  expect(world.callCounts()).toMatchObject({ exchanges: 1, refreshes: 0 });
});
