import { beforeEach, describe, expect, it } from "vitest";
import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import { withPoints } from "../support/crash-points.ts";
import { announced, connection, day, keyOf, print, rotateTo, useKeysWorld, world } from "./suite.ts";
import { startConnection } from "./world.ts";

useKeysWorld();

describe("A key that two connections share", () => {
  let other: ConnectionId;

  beforeEach(async () => {
    other = await startConnection(world);
    const shared = { username: `admin_${other}`, scope: other, apiKey: keyOf(1) };
    world.simulator.admit(shared);
    world.put(other, JSON.stringify({ ...shared, baseUrl: world.simulator.url }));
    world.clock.advance(1800);
    await world.sweep(other);
    world.events.length = 0;
  });

  it("is not announced while the other connection uses it, and is afterwards", async () => {
    await rotateTo(2);
    world.clock.advance(8 * day);
    await world.sweep(connection);
    expect(announced()).toEqual([]);
    const reason = expect.stringContaining(`Connection ${other} still has this key`);
    expect(world.notices).toContainEqual(expect.objectContaining({ kind: "key_not_retired", reason }));
    await world.sweep(other);
    await rotateTo(2, other);
    world.clock.advance(7 * day + 59);
    await world.sweep(connection);
    expect(announced()).toEqual([]);
    // A key that stays in use for long is checked once a day.
    world.clock.advance(day);

    await world.sweep(connection);
    await world.sweep(other);

    expect(announced()).toEqual([print(1)]);
    expect(announced(other)).toContain(print(1));
  });

  it("is announced when both are rotated: neither waits for the other after their common end", async () => {
    await rotateTo(2);
    await rotateTo(2, other);
    world.clock.advance(7 * day + 60);

    await world.sweep(connection);
    await world.sweep(other);

    expect(announced()).toEqual([print(1)]);
    expect(announced(other)).toContain(print(1));
  });

  it("is not announced while the other connection has it noted as in use", async () => {
    await rotateTo(2);
    await rotateTo(2, other);
    await world.ports.table.noteKey(other, print(1), { since: world.clock.now() });
    world.clock.advance(8 * day);

    await world.sweep(connection);

    expect(announced()).toEqual([]);
  });
});

describe("A key that another connection is rotating to", () => {
  /** Rotates another connection to key 1 of this one, and stops for ever after a step. */
  async function stopAfter(last: string): Promise<ConnectionId> {
    const other = await startConnection(world);
    const steps = ["createSecret", "setSecret", "testSecret"];
    const alive = new Set<string>(steps.slice(0, steps.indexOf(last) + 1));
    world.simulator.admit({ username: `admin_${other}`, scope: other, apiKey: keyOf(1) });
    world.stage(other, keyOf(1));
    world.onInvoke((event) => (alive.has(event.Step) ? world.step(event) : Promise.reject(new Error("died"))));
    await world.rotate(other);
    world.moveLabel(other, "NEXT");
    world.clock.advance(1800);
    await world.sweep(other);
    return other;
  }

  it.each(["createSecret", "testSecret"])(
    "is not announced while AWSPENDING has it, although the rotation stopped after %s more than seven days ago",
    async (last) => {
      await rotateTo(2);
      const other = await stopAfter(last);
      expect(world.labels(other)["AWSPENDING"]).toBe(keyOf(1));
      world.clock.advance(8 * day);

      await world.sweep(connection);
      expect(announced()).toEqual([]);
      world.moveLabel(other, "AWSPENDING");
      world.clock.advance(day);
      await world.sweep(connection);

      expect(announced()).toEqual([print(1)]);
    },
  );

  it("is noted in the item of that connection before it is written to the secret", async () => {
    const calls: string[] = [];
    world.stage(connection, world.key(connection, 2));
    const ports = withPoints(world.ports, (call, act) => {
      calls.push(call);
      return act();
    });
    world.onInvoke((event) => (event.Step === "createSecret" ? world.step(event, ports) : world.step(event)));

    await world.rotate(connection);

    expect(calls.slice(-3).join(" ")).toBe("table.noteKey secrets.read secrets.putPending");
  });
});
