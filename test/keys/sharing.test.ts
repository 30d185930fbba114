import { beforeEach, describe, expect, it } from "vitest";
import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
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

  it("is announced when both are rotated: neither waits for the other for ever", async () => {
    await rotateTo(2);
    await rotateTo(2, other);
    world.clock.advance(8 * day);

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
