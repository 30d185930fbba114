import { afterAll, beforeAll, beforeEach } from "vitest";
import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import { fingerprintOf, keyName } from "./operator.ts";
import { type KeysWorld, startConnection, startKeysWorld } from "./world.ts";

// Whoever imports this file gets a world of its own, and a fresh connection before each of its tests.
export let world: KeysWorld;
export let connection: ConnectionId;

beforeAll(async () => {
  world = await startKeysWorld();
});
afterAll(() => world.close());
beforeEach(async () => {
  connection = await startConnection(world);
});

export const day = 86_400;

/** The n-th key of a connection, and its fingerprint. */
export const keyOf = (number: number, of = connection) => keyName(of, number);
export const print = (number: number, of = connection) => fingerprintOf(keyOf(number, of));

/** The keys of a connection that were announced as retirable, in order. */
export const announced = (of = connection) =>
  world.events.flatMap((event) =>
    event.kind === "api_key_retirable" && event.connection === of ? [event.keyFingerprint] : [],
  );

/** Rotates a connection to its n-th key, and replaces its token. */
export async function rotateTo(number: number, of = connection): Promise<void> {
  world.stage(of, world.key(of, number));
  await world.rotate(of);
  await world.sweep(of);
}
