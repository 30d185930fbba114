import type { ConnectionId } from "../connection-id.ts";
import type { FailureCode } from "../failure-catalogue.ts";
import type { RejectionReports } from "./rejection-reports.ts";
import type { RetiringKeys } from "../keys/retiring-keys.ts";
import type { TokenSet } from "./token-set.ts";

/** The item of a connection in the table. Instants are epoch seconds. */
export interface ConnectionItem {
  connection: ConnectionId;
  /** Grows by one with every new token set; 0 before the first. Every write of a replacement requires it unchanged. */
  generation: number;
  tokenSet?: TokenSet;
  /** When the sweep processes this connection; absent: never. */
  nextActionAt?: number;
  leaseOwner?: string;
  leaseUntil?: number;
  /** Instant of the last lease, and so of the last attempt. */
  attemptedAt?: number;
  /** Failed attempts since the last success. */
  failures: number;
  /** No attempt before this instant. */
  retryAt?: number;
  lastError?: StoredError;
  /** The failure that an operator was notified of, until the connection recovers. Other failures may follow it. */
  operatorError?: FailureCode;
  /** Fingerprint of the rejected credentials. Different credentials end the backoff at once. */
  rejectedFingerprint?: string;
  /** The refresh token failed, and the API key was not tried or failed too: the next attempt starts with the API key. */
  skipRefresh?: boolean;
  /** Callers whose reports of rejected tokens caused a replacement: those of calls, and all with `singleActiveToken`. */
  rejectionReports?: RejectionReports;
  /** Instant of the last registration check during a backoff. */
  registrationCheckedAt?: number;
  /** Instant of the last daily check of the secret's rotation. */
  rotationCheckedAt?: number;
  /** Instant at which the business API accepted a token, first noted after a report of a call had replaced one. */
  apiAcceptedAt?: number;
  retiringKeys?: RetiringKeys;
}

/** An item without its tokens. The status function never reads them, so it cannot show them. */
export type ItemWithoutTokens = Omit<ConnectionItem, "tokenSet"> & {
  tokenSet?: Omit<TokenSet, "accessToken" | "refreshToken">;
};

export interface StoredError {
  code: FailureCode;
  detail: string;
  at: number;
}

/** Whether the item has a lease that has not ended. */
export function isLeased(item: Pick<ConnectionItem, "leaseOwner" | "leaseUntil">, now: number): boolean {
  return item.leaseOwner !== undefined && (item.leaseUntil ?? 0) > now;
}

export function isInBackoff(item: ConnectionItem, now: number): boolean {
  return (item.retryAt ?? 0) > now;
}
