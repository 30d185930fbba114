import { beforeEach } from "vitest";
import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import { fingerprintOf, keyName } from "../support/operator.ts";
import { type KeysWorld, startConnection, startKeysWorld } from "./world.ts";

/** The world of the test that runs; see `useKeysWorld`. */
export let world: KeysWorld;
export let connection: ConnectionId;

/** Gives each test of a file its own world with a connection. */
export function useKeysWorld(): void {
  beforeEach(async () => {
    world = await startKeysWorld();
    await useConnection();
  });
}

/** Starts another connection for this test, with other fields in its registration. */
export async function useConnection(fields: Record<string, unknown> = {}): Promise<void> {
  connection = await startConnection(world, fields);
  world.events.length = 0;
  world.notices.length = 0;
}

export const day = 86_400;

/** The n-th key of a connection, and its fingerprint. */
export const keyOf = (number: number, of = connection) => keyName(of, number);
export const print = (number: number, of = connection) => fingerprintOf(keyOf(number, of));

/** The entry of a connection's n-th key among its retiring keys. */
export const entryOf = async (number: number, of = connection) =>
  (await world.item(of)).retiringKeys?.[print(number, of)];

/** The fingerprint of the key of the stored token. */
export const ownKey = async (of = connection) => (await world.item(of)).tokenSet?.keyFingerprint;

/** The keys of a connection that were announced as retirable, in order. */
export const announced = (of = connection) =>
  world.events.flatMap((event) =>
    event.kind === "api_key_retirable" && event.connection === of ? [event.keyFingerprint] : [],
  );

/** The reasons for which an operator of this connection had to act, in order: by log and metric, and by event. */
export const noticedReasons = () =>
  world.notices.flatMap((notice) =>
    notice.kind === "api_key_action_needed" && notice.connection === connection ? [notice.reason] : [],
  );
export const sentReasons = (of = connection) =>
  world.events.flatMap((event) =>
    event.kind === "api_key_action_needed" && event.connection === of ? [event.reason] : [],
  );

/** Rotates a connection to its n-th key, and replaces its token. */
export async function rotateTo(number: number, of = connection): Promise<void> {
  world.stage(of, world.key(of, number));
  await world.rotate(of);
  await world.sweep(of);
}

/** An upstream whose tokens have another scope. The simulator's have the requested one. */
export function ofAnotherScope() {
  const { upstream } = world.ports;
  const call: typeof upstream.call = async (...args) => {
    const answer = await upstream.call(...args);
    return answer.kind === "tokens" ? { ...answer, tokens: { ...answer.tokens, scope: "yet-another" } } : answer;
  };
  return { upstream: { call } };
}
