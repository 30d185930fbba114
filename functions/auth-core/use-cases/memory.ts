import type { ConnectionId } from "../rules/connection-id.ts";
import type { Failure } from "../rules/failure.ts";
import { memoryLifetime, type TokenSet } from "../rules/token-set.ts";

/** A token set with its generation, as it was read at an instant. */
export interface HeldTokenSet {
  set: TokenSet;
  generation: number;
  readAt: number;
}

const maxConnections = 1000;

/** Seconds for which 'there is no such connection' or 'it is not ready' is believed. */
const negativeLifetime = 30;

/** The memory of one environment. Bounded; holds good news and, for a moment, that a connection does not exist. */
export class Memory {
  readonly #held = new Map<ConnectionId, HeldTokenSet>();
  readonly #missing = new Map<ConnectionId, { failure: Failure; until: number }>();

  /** What is held, however old; `isRecent` says whether it may be served without asking the table. */
  get(connection: ConnectionId): HeldTokenSet | undefined {
    return this.#held.get(connection);
  }

  remember(connection: ConnectionId, held: HeldTokenSet): void {
    const before = this.#held.get(connection);
    // An eventually consistent read may bring an older set than the one that is held.
    if (before && before.generation > held.generation) return;
    put(this.#held, connection, held);
    this.#missing.delete(connection);
  }

  forget(connection: ConnectionId): void {
    this.#held.delete(connection);
  }

  missing(connection: ConnectionId, now: number): Failure | undefined {
    const entry = this.#missing.get(connection);
    return entry && entry.until > now ? entry.failure : undefined;
  }

  rememberMissing(connection: ConnectionId, failure: Failure, now: number): void {
    put(this.#missing, connection, { failure, until: now + negativeLifetime });
  }
}

export function isRecent(held: HeldTokenSet, now: number): boolean {
  return now - held.readAt <= memoryLifetime(held.set);
}

function put<Value>(map: Map<ConnectionId, Value>, connection: ConnectionId, value: Value): void {
  map.delete(connection);
  map.set(connection, value);
  if (map.size > maxConnections) {
    const [oldest] = map.keys();
    if (oldest !== undefined) map.delete(oldest);
  }
}
