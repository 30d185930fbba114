import type { Clock } from "../rules/clock.ts";
import type { ConnectionId } from "../rules/connection-id.ts";
import type { ConnectionItem } from "../rules/tokens/connection-item.ts";
import type { BrokerEvent } from "../rules/event.ts";
import type { Notice } from "../rules/notice.ts";
import type { ParsedRegistration, Registration } from "../rules/upstream/registration.ts";
import type { RetiringKey } from "../rules/keys/retiring-keys.ts";
import type { Secret } from "../rules/secret.ts";
import type { UpstreamResult } from "../rules/upstream/upstream-response.ts";
import type { UpstreamRequest } from "../rules/upstream/upstream-request.ts";

/** The condition of every write of a replacement: the lease owner and the generation. */
export interface Fence {
  owner: string;
  generation: number;
}

/**
 * The item that a decision was based on. If it has changed, `takeLease` gives no lease. `attemptedAt` shows an attempt
 * that changed neither count: upstream returned the same token again.
 */
export type ExpectedVersion = Pick<ConnectionItem, "generation" | "failures" | "attemptedAt">;

/** Changes of the retiring keys by fingerprint; `undefined` removes an entry. */
export type KeyChanges = Record<string, RetiringKey | undefined>;

/** An item that refers to a key. */
export interface KeyUsage {
  connection: ConnectionId;
  /** Its stored token set was issued for the key. */
  isOwn: boolean;
  entry?: RetiringKey;
}

/** An entry of the index `due`. */
export interface DueConnection {
  connection: ConnectionId;
  failures: number;
  /** Instant. */
  nextActionAt: number;
}

/**
 * The table of connections. Every method throws `UnavailableError` if the table is unavailable.
 * A write under a lease returns `false` if the lease owner or the generation has changed.
 */
export interface TokenTable {
  read(connection: ConnectionId, consistency: "strong" | "eventual"): Promise<ConnectionItem | undefined>;
  /**
   * Takes the lease until an instant and notes the attempt; `expected: undefined` creates the item. Returns the new item;
   * `undefined` if another environment holds the lease or the item is not the expected one. With `isDue` the connection
   * is due until an outcome is stored; a connection without `nextActionAt` always is.
   */
  takeLease(
    connection: ConnectionId,
    lease: { expected: ExpectedVersion | undefined; owner: string; now: number; until: number; isDue?: boolean },
  ): Promise<ConnectionItem | undefined>;
  /**
   * Writes all attributes of a replacement, removes those that `next` does not have, and ends the lease. Changes only the
   * retiring keys in `keys`.
   */
  write(next: ConnectionItem, fence: Fence, keys?: KeyChanges): Promise<boolean>;
  /** Releases the lease, if `owner` holds it. */
  release(connection: ConnectionId, owner: string): Promise<void>;
  /** The connections that are due in a partition, from the index, which is eventually consistent. */
  due(partition: number, now: number): Promise<DueConnection[]>;
  /**
   * Writes a retiring key: under a lease (`owner`), or without one, which creates a missing item. Returns `false` if the
   * lease is lost.
   */
  noteKey(connection: ConnectionId, fingerprint: string, key: RetiringKey, owner?: string): Promise<boolean>;
  /** Notes in an existing item that the business API accepted a token. */
  noteApiAcceptance(connection: ConnectionId, now: number): Promise<void>;
  /** Claims the registration check of this minute during a backoff. `false` if another environment has claimed it. */
  claimRegistrationCheck(connection: ConnectionId, now: number, notSince: number): Promise<boolean>;
}

/** The table for the maintenance of keys. */
export interface KeyTable extends TokenTable {
  /** Changes or removes a retiring key, if it is the expected one. */
  changeKey(
    connection: ConnectionId,
    fingerprint: string,
    expected: RetiringKey,
    next: RetiringKey | undefined,
  ): Promise<boolean>;
  /** Finds the items that refer to a key. Reads the whole table: use it rarely. */
  findByKey(fingerprint: string): Promise<KeyUsage[]>;
  /** Changes `nextActionAt`, if it is the expected one. */
  reschedule(connection: ConnectionId, expected: number | undefined, next: number | undefined): Promise<boolean>;
  /**
   * Makes a connection due at an instant, by default now, and ends its backoff and a lease that has run out. `false` if
   * no replacement was ever attempted, or if one is running.
   */
  makeDue(connection: ConnectionId, now: number, dueAt?: number): Promise<boolean>;
  /** Claims the daily check of the secret's rotation. `false` if another sweep has claimed it. */
  claimRotationCheck(connection: ConnectionId, now: number, notSince: number): Promise<boolean>;
}

/** The result of reading a registration. */
export type RegistrationReading =
  /** `keyCreatedAt`: instant at which the version of the secret was created. */
  (ParsedRegistration & { keyCreatedAt?: number }) | { kind: "unknown" };

/** The registrations. Throws `UnavailableError` if the secret store is unavailable. */
export interface RegistrationStore {
  read(
    connection: ConnectionId,
    label?: "AWSCURRENT" | "AWSPENDING" | "AWSPREVIOUS" | "NEXT",
  ): Promise<RegistrationReading>;
}

/** The versions of a secret, for its rotation. Throws `UnavailableError` if the secret store is unavailable. */
export interface SecretVersions {
  /** The name of a connection's secret. */
  idOf(connection: ConnectionId): string;
  /** `undefined` if the secret does not exist or is scheduled for deletion. */
  describe(secretId: string): Promise<SecretDescription | undefined>;
  /** The text of a version; `undefined` if the version does not exist or is empty. */
  read(secretId: string, at: { version?: string; label?: string }): Promise<string | undefined>;
  /** Instant at which a version was created; `undefined` if it is empty. */
  createdAt(secretId: string, version: string): Promise<number | undefined>;
  /** Writes the value of the pending version. Writing the same value again changes nothing. */
  putPending(secretId: string, version: string, value: Secret): Promise<void>;
  /** Moves a label `to` a version, or removes it `from` one. `false` if the label is on another version. */
  moveLabel(secretId: string, label: string, move: { to?: string; from?: string }): Promise<boolean>;
}

export interface SecretDescription {
  /** Version → its staging labels. */
  labels: Map<string, string[]>;
  rotationEnabled: boolean;
  /** Instants. */
  nextRotationAt?: number;
  lastChangedAt?: number;
}

/** The event bus. Throws `UnavailableError` if it does not accept an event. */
export interface Events {
  put(event: BrokerEvent): Promise<void>;
}

/** Smart Services. Never throws for what upstream does. */
export interface Upstream {
  call(request: UpstreamRequest, registration: Registration): Promise<UpstreamResult>;
}

/** The issuer of API keys that a registration names. Never throws for what the issuer does. */
export interface KeyIssuer {
  /** Issues a key. The same idempotency key returns the same key. */
  issue(registration: Registration, idempotencyKey: string): Promise<IssuerAnswer>;
  /** Revokes a key. `undefined` if it is revoked, else the reason why not. */
  revoke(registration: Registration, apiKeyId: string): Promise<string | undefined>;
}

export type IssuerAnswer =
  | { kind: "issued"; apiKey: Secret; apiKeyId: string }
  | { kind: "rejected"; reason: string }
  | { kind: "temporary"; reason: string };

/** The ports of the use cases that maintain keys. */
export interface KeyPorts extends Ports {
  table: KeyTable;
  secrets: SecretVersions;
  events: Events;
  issuer: KeyIssuer;
  /** Whether to warn of a secret without rotation. */
  expectRotation: boolean;
}

/** The ports of the use cases that serve and replace tokens. */
export interface Ports {
  table: TokenTable;
  registrations: RegistrationStore;
  upstream: Upstream;
  clock: Clock;
  /** 0 to 1. */
  random: () => number;
  /** A new unique name for one lease. */
  newLeaseOwner: () => string;
  /** Absent: no events are sent. */
  events?: Events;
  notice: (notice: Notice) => void;
}
