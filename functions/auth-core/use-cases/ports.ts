import type { Clock } from "../rules/clock.ts";
import type { ConnectionId } from "../rules/connection-id.ts";
import type { ConnectionItem } from "../rules/connection-item.ts";
import type { ParsedRegistration, Registration } from "../rules/registration.ts";
import type { UpstreamAnswer } from "../rules/upstream-answer.ts";
import type { UpstreamRequest } from "../rules/upstream-request.ts";

/** The right to write under a lease: every write of a replacement is conditioned on both. */
export interface Fence {
  owner: string;
  generation: number;
}

/** What `takeLease` was based on: if the item moved since, the lease is not given. */
export interface Seen {
  generation: number;
  failures: number;
}

/** An entry of the index `due`. */
export interface DueConnection {
  connection: ConnectionId;
  failures: number;
  /** Instant. */
  nextActionAt: number;
}

/**
 * The table of connections. Every method throws `UnavailableError` where the table does not answer.
 * `false` from a fenced write means that lease or generation moved: another won.
 */
export interface TokenTable {
  read(connection: ConnectionId, consistency: "strong" | "eventual"): Promise<ConnectionItem | undefined>;
  /**
   * Takes the lease until an instant and notes the attempt; `seen: undefined` creates the item. The item as it is now,
   * or `undefined` where someone else holds the lease or the item is not what was seen.
   */
  takeLease(
    connection: ConnectionId,
    lease: { seen: Seen | undefined; owner: string; now: number; until: number },
  ): Promise<ConnectionItem | undefined>;
  /** Writes all that a replacement may change, removing what `next` does not have; the lease ends with it. */
  write(next: ConnectionItem, fence: Fence): Promise<boolean>;
  /** Gives the lease back; only its owner can. */
  release(connection: ConnectionId, owner: string): Promise<void>;
  /** What the index says is due in a partition at an instant; it may lag behind the items by a moment. */
  due(partition: number, now: number): Promise<DueConnection[]>;
  /** Claims the one look at the registration that a minute allows during a backoff. */
  claimLook(connection: ConnectionId, now: number, notSince: number): Promise<boolean>;
}

/** The registration as its secret holds it now. */
export type RegistrationReading =
  /** `keyCreatedAt`: instant at which the secret's current version was made. */
  (ParsedRegistration & { keyCreatedAt?: number }) | { kind: "unknown" };

/** The secrets. Throws `UnavailableError` where they cannot be asked. */
export interface RegistrationStore {
  read(connection: ConnectionId): Promise<RegistrationReading>;
}

/** Smart Services. Never throws for what upstream does or fails to do. */
export interface Upstream {
  call(request: UpstreamRequest, registration: Registration): Promise<UpstreamAnswer>;
}

/** What an operator should hear of. Closed; every kind is one log message and, where it is counted, one metric. */
export type Notice =
  | { kind: "commit_not_written"; connection: ConnectionId; reason: string }
  | { kind: "table_unavailable"; connection: ConnectionId; reason: string }
  | { kind: "secrets_unavailable"; connection: ConnectionId; reason: string }
  | { kind: "registration_warning"; connection: ConnectionId; warning: string }
  | { kind: "replaced"; connection: ConnectionId; by: "exchange" | "refresh"; generation: number; progress: boolean }
  | { kind: "replacement_failed"; connection: ConnectionId; code: string; reason: string; failures: number }
  | { kind: "refresh_failed"; connection: ConnectionId; reason: string }
  | { kind: "registration_gone"; connection: ConnectionId };

/** Everything that the use cases touch of the world. */
export interface Ports {
  table: TokenTable;
  registrations: RegistrationStore;
  upstream: Upstream;
  clock: Clock;
  /** 0 to 1. */
  random: () => number;
  /** A name for one lease, never used again. */
  newLeaseOwner: () => string;
  notice: (notice: Notice) => void;
}
