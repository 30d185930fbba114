import { beforeEach, describe, expect, it } from "vitest";
import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import { startConnection } from "./world.ts";
import { announced, connection, day, keyOf, print, rotateTo, world } from "./suite.ts";

describe("two connections that share a key", () => {
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

  it("of which one is rotated: the key is not announced while the other one uses it, and then is", async () => {
    await rotateTo(2);
    world.clock.advance(8 * day);
    await world.sweep(connection);
    expect(announced()).toEqual([]);
    await world.sweep(other);
    await rotateTo(2, other);
    world.clock.advance(7 * day + 59);
    await world.sweep(connection);
    expect(announced()).toEqual([]);
    // What is carried for long is looked at once a day.
    world.clock.advance(day);

    await world.sweep(connection);
    await world.sweep(other);

    expect(announced()).toEqual([print(1)]);
    expect(announced(other)).toContain(print(1));
  });

  it("both of which are rotated: neither waits for the other for ever", async () => {
    await rotateTo(2);
    await rotateTo(2, other);
    world.clock.advance(8 * day);

    await world.sweep(connection);
    await world.sweep(other);

    expect(announced()).toEqual([print(1)]);
    expect(announced(other)).toContain(print(1));
  });

  it("of which one has it noted as in use: the key is not announced", async () => {
    await rotateTo(2);
    await rotateTo(2, other);
    await world.ports.table.noteKey(other, print(1), { since: world.clock.now() });
    world.clock.advance(8 * day);

    await world.sweep(connection);

    expect(announced()).toEqual([]);
  });
});
