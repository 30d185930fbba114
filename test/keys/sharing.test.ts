import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import { fingerprintOf, keyName } from "./operator.ts";
import { type KeysWorld, startConnection, startKeysWorld } from "./world.ts";

const day = 86_400;
let world: KeysWorld;
let connection: ConnectionId;

beforeAll(async () => {
  world = await startKeysWorld();
});
afterAll(() => world.close());
beforeEach(async () => {
  connection = await startConnection(world);
});

const keyOf = (number: number, of = connection) => keyName(of, number);
const print = (number: number, of = connection) => fingerprintOf(keyOf(number, of));

/** The keys of a connection that were announced as retirable, in order. */
const announced = (of = connection) =>
  world.events.flatMap((event) =>
    event.type === "api_key_retirable" && event.connection === of ? [event.keyFingerprint] : [],
  );

/** Rotates a connection to its n-th key, and replaces its token. */
async function rotateTo(number: number, of = connection): Promise<void> {
  world.stage(of, world.key(of, number));
  await world.rotate(of);
  await world.sweep(of);
}

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
