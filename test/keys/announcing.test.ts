import { describe, expect, it } from "vitest";
import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import { disturb, disturbEverywhere, itEverywhere, withPoints } from "../support/crash-points.ts";
import { announced, connection, day, entryOf, keyOf, print, rotateTo, useKeysWorld, world } from "./suite.ts";
import { startConnection } from "./world.ts";

useKeysWorld();

/** Rotates away from key 1 and lets its end pass. */
async function outliveKey1(of = connection): Promise<void> {
  await rotateTo(2, of);
  world.clock.advance(7 * day + 60);
}

describe("A sweep does not announce a key whose end has passed", () => {
  it.each([
    ["AWSCURRENT", () => world.moveLabel(connection, "AWSCURRENT", world.versionAt(connection, "AWSPREVIOUS"))],
    ["AWSPENDING", () => world.put(connection, world.key(connection, 1), ["AWSPENDING"])],
    ["NEXT", () => world.stage(connection, world.key(connection, 1))],
    ["NEXT, as the key alone,", () => world.stage(connection, keyOf(1))],
    ["NEXT, as an object with the key,", () => world.stage(connection, JSON.stringify({ apiKey: keyOf(1) }))],
    [
      "AWSCURRENT, in a text that is not a registration,",
      () => world.put(connection, JSON.stringify({ apiKey: keyOf(1) })),
    ],
  ])("while %s has it", async (_label, label) => {
    await outliveKey1();
    label();
    const before = world.clock.now();

    // The token is not replaced here: that would note the key as in use.
    await world.sweep(connection, { upstream: { call: async () => ({ kind: "rejected", status: 401 }) } });

    expect(announced()).toEqual([]);
    // A replacement that notes the key as in use removes its end. Otherwise the next check is an hour later.
    const entry = await entryOf(1);
    expect(entry?.end === undefined || entry.checkAgainAt === before + 3600).toBe(true);
  });

  it("while a stored token set is from it", async () => {
    await world.ports.table.noteKey(connection, print(1), { since: 1, end: world.clock.now() + 60 });
    world.put(connection, world.key(connection, 2));
    world.clock.advance(60);

    await world.sweep(connection);

    expect(announced()).toEqual([]);
    expect(await entryOf(1)).toMatchObject({ checkAgainAt: world.clock.now() + 3600 });
  });

  it("but announces it within an hour after the last label is removed", async () => {
    await outliveKey1();
    world.stage(connection, keyOf(1));
    await world.sweep(connection);
    world.moveLabel(connection, "NEXT");
    world.clock.advance(3599);
    await world.sweep(connection);
    expect(announced()).toEqual([]);
    world.clock.advance(1);

    await world.sweep(connection);

    expect(announced()).toEqual([print(1)]);
  });
});

describe("An announcement", () => {
  it("is not made if the key was noted as in use after the items were read", async () => {
    await outliveKey1();
    const { table } = world.ports;
    const findByKey: typeof table.findByKey = async (...args) => {
      const users = await table.findByKey(...args);
      await table.noteKey(connection, print(1), { since: world.clock.now() });
      return users;
    };

    await world.sweep(connection, { table: { ...table, findByKey } });

    expect(announced()).toEqual([]);
    expect(await entryOf(1)).toEqual({ since: world.clock.now() });
  });

  it("that the event bus rejects does not delay the other keys, and the next sweep makes it", async () => {
    await rotateTo(2);
    await rotateTo(3);
    world.clock.advance(7 * day + 60);
    const { events } = world.ports;
    let puts = 0;
    const put: typeof events.put = async (event) => {
      puts += 1;
      if (puts === 1) throw new UnavailableError("EventBridge: down");
      await events.put(event);
    };

    await world.sweep(connection, { events: { put } });
    expect(announced()).toHaveLength(1);
    expect(world.notices).toContainEqual(
      expect.objectContaining({ kind: "key_not_retired", reason: "EventBridge: down" }),
    );
    world.clock.advance(60);
    await world.sweep(connection);

    expect(announced().toSorted()).toEqual([print(1), print(2)].toSorted());
  });

  itEverywhere("is made at least once, wherever the sweep dies, and nothing is left to do after it", async () => {
    const { points, undisturbed, found } = await disturbEverywhere(async (at) => {
      const of = await startConnection(world);
      await outliveKey1(of);
      const { around, died, points: passed } = disturb(at, "death");
      await Promise.race([world.sweep(of, withPoints(world.ports, around)), died]);
      // Longer than the lease of the dead process.
      world.clock.advance(60);
      await world.sweep(of);
      await world.sweep(of);
      const { retiringKeys, nextActionAt = 0 } = await world.item(of);
      const isScheduled = nextActionAt > world.clock.now();
      return { points: passed, found: { times: announced(of).length, left: retiringKeys, isScheduled } };
    });

    expect(undisturbed).toEqual({ times: 1, left: {}, isScheduled: true });
    expect(points).toContain("after events.put");
    for (const [point, { times, ...state }] of found) {
      expect({ point, ...state }).toEqual({ point, left: {}, isScheduled: true });
      expect([1, 2], point).toContain(times);
    }
  });
});
