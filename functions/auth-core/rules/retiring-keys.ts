import type { ConnectionItem } from "./connection-item.ts";
import { maxAcceptedLifetime } from "./registration.ts";
import type { TokenSet } from "./token-set.ts";

/**
 * A key that is or was used with a connection, other than the key of its stored token set. Instants are epoch seconds.
 * Each entry is written by itself under its fingerprint, so that concurrent writers never lose an entry.
 */
export interface RetiringKey {
  /** When it was first noted. */
  since: number;
  /** Every token of the key has expired by this instant. Absent: the key is or may be in use. */
  end?: number;
  /** The issuer's id of the key, if an issuer made it. */
  id?: string;
  /** No check before this instant: the key was still in use at the last one. */
  checkAgainAt?: number;
  /** Set just before the event `api_key_retirable`: the event may have been sent or not. */
  announcedAt?: number;
  /** When the event was sent. Only the revocation by the issuer is left. */
  notifiedAt?: number;
}

export type RetiringKeys = Record<string, RetiringKey>;

/** Seconds that a function runs at most: until then it may get a token with a key that has just been replaced. */
const maxRunSeconds = 60;

/**
 * When every token of a key that is replaced now has expired: after the longest accepted lifetime.
 * Not `maxLifetime` of the registration: an unstored token may have been issued before it was lowered.
 */
export function retirementEnd(now: number): number {
  return now + maxAcceptedLifetime + maxRunSeconds;
}

/** Seconds until the next check of a key that is still in use: from an hour up to a day. */
export function checkAgainDelay(key: RetiringKey, now: number): number {
  return Math.min(Math.max(3600, now - (key.end ?? now)), 24 * 3600);
}

/** When to check an entry; `undefined` while its key is in use. */
export function retirementDueAt(key: RetiringKey): number | undefined {
  return key.end === undefined ? undefined : Math.max(key.end, key.checkAgainAt ?? 0);
}

/** The keys of an item that may be retired now, unless something else uses them. */
export function retirableKeys(item: ConnectionItem, now: number): [fingerprint: string, key: RetiringKey][] {
  return Object.entries(item.retiringKeys ?? {}).filter(([, key]) => (retirementDueAt(key) ?? Infinity) <= now);
}

/** When to replace the token set: at `retryAt` after a failure, else when it is due. */
export function replacementDueAt(
  item: Pick<ConnectionItem, "retryAt" | "attemptedAt"> & { tokenSet?: Pick<TokenSet, "dueAt"> },
): number | undefined {
  // The environment that leased the item died before it wrote: the item is due at once.
  return item.retryAt ?? item.tokenSet?.dueAt ?? item.attemptedAt;
}

/** When the sweep processes an item: at its replacement or at the next check of a retiring key, whichever is earlier. */
export function nextActionAt(item: ConnectionItem): number | undefined {
  const instants = [replacementDueAt(item), ...Object.values(item.retiringKeys ?? {}).map(retirementDueAt)];
  const known = instants.filter((instant) => instant !== undefined);
  return known.length > 0 ? Math.min(...known) : undefined;
}
