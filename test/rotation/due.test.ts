import { describe, expect, it } from "vitest";
import { startWorld } from "../support/world.ts";
import { halfLife, itemOf, startConnections, startDue, summaryOf, sweepAll } from "./sweep-world.ts";

describe("A sweep", () => {
  it("replaces what is due by the refresh grant, as a request does, and changes nothing else", async () => {
    const world = await startWorld();
    const [due] = await startConnections(world, "due");
    world.clock.advance(600);
    await startConnections(world, "fresh");
    const fresh = await world.table.raw("fresh");
    world.clock.advance(halfLife - 600 + 7);

    const summary = await sweepAll(world);

    expect(summary).toEqual(summaryOf({ due: 1, replaced: 1, oldestLateness: 7 }));
    expect(world.callCounts()).toMatchObject({ exchanges: 2, refreshes: 1 });
    const replaced = {
      kind: "replaced",
      connection: due,
      by: "refresh_token",
      generation: 2,
      remainingSeconds: 3600,
      progress: true,
    };
    expect(world.notices.at(-1)).toEqual(replaced);
    expect(await world.table.raw("fresh")).toEqual(fresh);
  });

  it("replaces a token set at the instant at which it is due, not a second earlier", async () => {
    const world = await startWorld();
    await startConnections(world, "webapicorso");
    world.clock.advance(halfLife - 1);
    const before = await sweepAll(world);
    world.clock.advance(1);
    const then = await sweepAll(world);

    expect(before).toEqual(summaryOf({}));
    expect(then).toEqual(summaryOf({ due: 1, replaced: 1 }));
  });

  it("leaves the item without a lease, and due again half a lifetime later", async () => {
    const { world, connection } = await startDue();

    await sweepAll(world);

    const item = await itemOf(world, connection);
    expect(item).toMatchObject({ generation: 2, failures: 0, nextActionAt: world.clock.now() + halfLife });
    expect(item).not.toHaveProperty("leaseOwner");
  });

  it("keeps a connection warm for hours, so that no caller waits for Smart Services", async () => {
    const world = await startWorld();
    const [connection] = await startConnections(world, "webapicorso");

    for (let passed = 0; passed < 6 * 3600; passed += 300) {
      world.clock.advance(300);
      await sweepAll(world);
      const answer = await world.service().get(connection!, { minTtl: 1800 });
      expect(answer).toMatchObject({ kind: "token", source: "table" });
    }

    expect(world.callCounts()).toMatchObject({ exchanges: 1, refreshes: 12 });
  });

  it("does not count a token set that it could not commit as replaced", async () => {
    const { world, connection } = await startDue();
    const write: typeof world.ports.table.write = (...args) => world.unreachable().write(...args);
    const table = { ...world.ports.table, write };

    const summary = await world.clock.passUntil(sweepAll(world, { table }));

    expect(summary).toEqual(summaryOf({ due: 1, failed: 1 }));
    expect(world.notices.at(-1)).toMatchObject({ kind: "commit_not_written", connection });
  });
});
