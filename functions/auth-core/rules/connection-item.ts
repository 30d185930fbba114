import type { ConnectionId } from "./connection-id.ts";
import type { FailureCode } from "./failure.ts";
import type { RetiringKeys } from "./retiring-keys.ts";
import type { TokenSet } from "./token-set.ts";

/** What the table holds of one connection. Instants are epoch seconds. */
export interface ConnectionItem {
  connection: ConnectionId;
  /** Grows by one with every new token set; 0 before the first. Fences every write of a replacement. */
  generation: number;
  tokenSet?: TokenSet;
  /** When the scheduled rotation should look at this connection; absent: never. */
  nextActionAt?: number;
  leaseOwner?: string;
  leaseUntil?: number;
  /** Instant of the last lease, that is of the last attempt. */
  attemptedAt?: number;
  /** Failed attempts since the last success. */
  failures: number;
  /** No attempt before this instant. */
  retryAt?: number;
  lastError?: StoredError;
  /** What an operator was told to mend, and no recovery since; other failures may have followed. */
  operatorError?: FailureCode;
  /** Fingerprint of the credentials that were refused: other credentials end the backoff at once. */
  rejectedFingerprint?: string;
  /** The refresh grant failed while it was the exchange's turn: the next attempt starts with the exchange. */
  skipRefresh?: boolean;
  /** Instant at which the registration was last looked at during a backoff. */
  registrationCheckedAt?: number;
  /** Instant at which the secret was last described, to warn of what an operator should do. */
  rotationCheckedAt?: number;
  retiringKeys?: RetiringKeys;
}

export interface StoredError {
  code: FailureCode;
  detail: string;
  at: number;
}

/** A lease that is still in force. */
export function isLeased(item: Pick<ConnectionItem, "leaseOwner" | "leaseUntil">, now: number): boolean {
  return item.leaseOwner !== undefined && (item.leaseUntil ?? 0) > now;
}

export function isInBackoff(item: ConnectionItem, now: number): boolean {
  return (item.retryAt ?? 0) > now;
}
