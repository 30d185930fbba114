import type { Clock } from "../rules/clock.ts";
import type { ConnectionId } from "../rules/connection-id.ts";
import type { ConnectionItem } from "../rules/connection-item.ts";
import type { BrokerEvent } from "../rules/event.ts";
import type { ParsedRegistration, Registration } from "../rules/registration.ts";
import type { RetiringKey } from "../rules/retiring-keys.ts";
import type { Secret } from "../rules/secret.ts";
import type { UpstreamResult } from "../rules/upstream-response.ts";
import type { UpstreamRequest } from "../rules/upstream-request.ts";

/** The right to write under a lease: every write of a replacement is conditioned on both. */
export interface Fence {
  owner: string;
  generation: number;
}

/** What `takeLease` was based on: if the item moved since, the lease is not given. */
export interface ExpectedVersion {
  generation: number;
  failures: number;
}

/** Entries of the retiring keys by fingerprint; `undefined` removes one. */
export type KeyChanges = Record<string, RetiringKey | undefined>;

/** An item that has to do with a key. */
export interface KeyUsage {
  connection: ConnectionId;
  /** Its stored token set descends from the key. */
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
    lease: { expected: ExpectedVersion | undefined; owner: string; now: number; until: number },
  ): Promise<ConnectionItem | undefined>;
  /**
   * Writes all that a replacement may change, removing what `next` does not have; the lease ends with it. Of the
   * retiring keys only the entries in `keys` are touched: an absent one is removed.
   */
  write(next: ConnectionItem, fence: Fence, keys?: KeyChanges): Promise<boolean>;
  /** Gives the lease back; only its owner can. */
  release(connection: ConnectionId, owner: string): Promise<void>;
  /** What the index says is due in a partition at an instant; it may lag behind the items by a moment. */
  due(partition: number, now: number): Promise<DueConnection[]>;
  /**
   * Writes one entry of the retiring keys: under a lease (`owner`), or without one, creating the item if there is none.
   * `false`: the lease is lost.
   */
  noteKey(connection: ConnectionId, fingerprint: string, key: RetiringKey, owner?: string): Promise<boolean>;
  /** Claims the one look at the registration that a minute allows during a backoff. */
  claimRegistrationCheck(connection: ConnectionId, now: number, notSince: number): Promise<boolean>;
}

/** What the upkeep of keys asks of the table besides. Throws `UnavailableError` likewise. */
export interface KeyTable extends TokenTable {
  /** Changes or removes an entry, if it is still as it was seen. */
  changeKey(
    connection: ConnectionId,
    fingerprint: string,
    expected: RetiringKey,
    next: RetiringKey | undefined,
  ): Promise<boolean>;
  /** Which items have a key as their token set's, or among their retiring keys. Reads the whole table: for rare use. */
  findByKey(fingerprint: string): Promise<KeyUsage[]>;
  /** Moves `nextActionAt`, if it is still as it was seen. */
  reschedule(connection: ConnectionId, expected: number | undefined, next: number | undefined): Promise<boolean>;
  /** Makes a connection due now, whatever its backoff. `false` where there is no such item, or someone is replacing. */
  makeDue(connection: ConnectionId, now: number): Promise<boolean>;
  /** Claims the one description of the secret that a day asks for. */
  claimRotationCheck(connection: ConnectionId, now: number, notSince: number): Promise<boolean>;
}

/** The registration as its secret holds it now. */
export type RegistrationReading =
  /** `keyCreatedAt`: instant at which the secret's current version was made. */
  (ParsedRegistration & { keyCreatedAt?: number }) | { kind: "unknown" };

/** The secrets. Throws `UnavailableError` where they cannot be asked. */
export interface RegistrationStore {
  read(
    connection: ConnectionId,
    label?: "AWSCURRENT" | "AWSPENDING" | "AWSPREVIOUS" | "NEXT",
  ): Promise<RegistrationReading>;
}

/** The versions of a secret, for its rotation. Throws `UnavailableError` where they cannot be asked. */
export interface SecretVersions {
  /** The name under which a connection's secret is asked for. */
  idOf(connection: ConnectionId): string;
  /** `undefined` where there is no such secret. */
  describe(secretId: string): Promise<SecretDescription | undefined>;
  /** The text of a version; `undefined` where there is no such version, or nothing in it. */
  read(secretId: string, at: { version?: string; label?: string }): Promise<string | undefined>;
  /** Instant at which a version was made; `undefined` where there is nothing in it. */
  createdAt(secretId: string, version: string): Promise<number | undefined>;
  /** Gives the pending version its value. A repetition with the same value changes nothing. */
  putPending(secretId: string, version: string, value: Secret): Promise<void>;
  /** Moves a label `to` a version, or takes it `from` one. `false` where it is not where it was thought to be. */
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

/** Who is told what happened to API keys: an event bus. Throws `UnavailableError`. */
export interface Events {
  put(event: BrokerEvent): Promise<void>;
}

/** Smart Services. Never throws for what upstream does or fails to do. */
export interface Upstream {
  call(request: UpstreamRequest, registration: Registration): Promise<UpstreamResult>;
}

/** Whoever issues and revokes API keys, of registrations that name one. Never throws for what the issuer does. */
export interface KeyIssuer {
  /** A new key; the same one again for the same idempotency key. */
  issue(registration: Registration, idempotencyKey: string): Promise<IssuerAnswer>;
  /** `undefined` once the key is revoked, else why it is not. */
  revoke(registration: Registration, apiKeyId: string): Promise<string | undefined>;
}

export type IssuerAnswer =
  | { kind: "issued"; apiKey: Secret; apiKeyId: string }
  | { kind: "rejected"; reason: string }
  | { kind: "temporary"; reason: string };

/** What an operator should hear of. Closed; every kind is one log message and, where it is counted, one metric. */
export type Notice =
  | { kind: "commit_not_written"; connection: ConnectionId; reason: string }
  | { kind: "table_unavailable"; connection?: ConnectionId; reason: string }
  | { kind: "secrets_unavailable"; connection: ConnectionId; reason: string }
  | { kind: "registration_warning"; connection: ConnectionId; warning: string }
  | {
      kind: "upstream_called";
      connection?: ConnectionId;
      grant: UpstreamRequest["grant"];
      outcome: UpstreamResult["kind"];
      durationMs: number;
    }
  | {
      kind: "replaced";
      connection: ConnectionId;
      by: "api_key" | "refresh_token";
      generation: number;
      progress: boolean;
    }
  | { kind: "replacement_failed"; connection: ConnectionId; code: string; reason: string; failures: number }
  | { kind: "refresh_failed"; connection: ConnectionId; reason: string }
  | { kind: "registration_gone"; connection: ConnectionId }
  | { kind: "event_not_sent"; connection: ConnectionId; reason: string }
  | { kind: "api_key_rotated"; connection: ConnectionId; keyFingerprint: string }
  | { kind: "api_key_retirable"; connection: ConnectionId; keyFingerprint: string }
  | { kind: "key_not_retired"; connection: ConnectionId; keyFingerprint: string; reason: string }
  | { kind: "keys_not_kept"; connection: ConnectionId; reason: string }
  | { kind: "api_key_action_needed"; connection: ConnectionId; reason: string; detail: string };

/** What the use cases of key rotation touch besides. */
export interface KeyPorts extends Ports {
  table: KeyTable;
  secrets: SecretVersions;
  events: Events;
  issuer: KeyIssuer;
  /** Whether a secret without rotation is worth a warning. */
  expectRotation: boolean;
}

/** Everything that serving and replacing tokens touches of the world. */
export interface Ports {
  table: TokenTable;
  registrations: RegistrationStore;
  upstream: Upstream;
  clock: Clock;
  /** 0 to 1. */
  random: () => number;
  /** A name for one lease, never used again. */
  newLeaseOwner: () => string;
  /** Who is told of what an operator should know at once; absent: nobody. */
  events?: Events;
  notice: (notice: Notice) => void;
}
