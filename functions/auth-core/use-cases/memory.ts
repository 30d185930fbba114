import type { ConnectionId } from "../rules/connection-id.ts";
import type { Failure } from "../rules/failure.ts";
import { memoryLifetime, type TokenSet } from "../rules/tokens/token-set.ts";

/** A token set and its generation. */
export interface RememberedTokenSet {
  set: TokenSet;
  generation: number;
  /** The instant at which its read or its replacement began: a response may be late. */
  readAt: number;
}

const maxConnections = 1000;

/** Seconds for which memory keeps a connection that is unknown or not ready. */
const negativeLifetime = 30;

/** The memory of an environment, limited in size: token sets and, for a short time, connections without a registration. */
export class Memory {
  readonly #tokenSets = new Map<ConnectionId, RememberedTokenSet>();
  readonly #missing = new Map<ConnectionId, { failure: Failure; until: number }>();

  /** The remembered token set of any age. `isRecent` says whether it may be served without reading the table. */
  get(connection: ConnectionId): RememberedTokenSet | undefined {
    return this.#tokenSets.get(connection);
  }

  remember(connection: ConnectionId, entry: RememberedTokenSet): void {
    const before = this.#tokenSets.get(connection);
    // An eventually consistent read may return an older token set.
    if (before && before.generation > entry.generation) return;
    put(this.#tokenSets, connection, entry);
    this.#missing.delete(connection);
  }

  forget(connection: ConnectionId): void {
    this.#tokenSets.delete(connection);
  }

  missing(connection: ConnectionId, now: number): Failure | undefined {
    const entry = this.#missing.get(connection);
    return entry && entry.until > now ? entry.failure : undefined;
  }

  /** @param readAt the instant at which the read of the registration began */
  rememberMissing(connection: ConnectionId, failure: Failure, readAt: number): void {
    put(this.#missing, connection, { failure, until: readAt + negativeLifetime });
  }
}

export function isRecent(entry: RememberedTokenSet, now: number): boolean {
  return now - entry.readAt <= memoryLifetime(entry.set);
}

function put<Value>(map: Map<ConnectionId, Value>, connection: ConnectionId, value: Value): void {
  map.delete(connection);
  map.set(connection, value);
  if (map.size > maxConnections) {
    const [oldest] = map.keys();
    if (oldest !== undefined) map.delete(oldest);
  }
}
