import type { ConnectionItem } from "./connection-item.ts";
import { maxAcceptedLifetime } from "./registration.ts";
import type { TokenSet } from "./token-set.ts";

/**
 * A key that is or was used with a connection, besides the one of its stored token set. Instants are epoch seconds.
 * Stored entry by entry under its fingerprint, so that two writers never lose each other's.
 */
export interface RetiringKey {
  /** When it was first noted in this role. */
  since: number;
  /** No token of it can be alive past this instant. Absent: the key is in use, or may be. */
  end?: number;
  /** The issuer's name for it, where it came from one. */
  id?: string;
  /** Do not look again before this instant: something still carried the key. */
  checkAgainAt?: number;
  /** It was about to be announced at this instant: the event may be out or not. */
  announcedAt?: number;
  /** The event is out since this instant, and what is left is that the issuer revokes it. */
  notifiedAt?: number;
}

export type RetiringKeys = Record<string, RetiringKey>;

/** Seconds that the longest-running function takes: a token that it got may have been got with a key that left before. */
const maxRunSeconds = 60;

/**
 * When no token of a key can be alive any more that leaves use now: the longest lifetime that is accepted at all.
 * Not the registration's `maxLifetime`: a token may have been got, and never stored, before that was lowered.
 */
export function retirementEnd(now: number): number {
  return now + maxAcceptedLifetime + maxRunSeconds;
}

/** Seconds until a key that cannot be retired is looked at again: an hour at first, a day in the end. */
export function checkAgainDelay(key: RetiringKey, now: number): number {
  return Math.min(Math.max(3600, now - (key.end ?? now)), 24 * 3600);
}

/** When the entry wants to be looked at, or `undefined` while its key is in use. */
export function retirementDueAt(key: RetiringKey): number | undefined {
  return key.end === undefined ? undefined : Math.max(key.end, key.checkAgainAt ?? 0);
}

/** The fingerprints of an item's keys that may be retired now, if nothing else carries them. */
export function retirableKeys(item: ConnectionItem, now: number): [fingerprint: string, key: RetiringKey][] {
  return Object.entries(item.retiringKeys ?? {}).filter(([, key]) => (retirementDueAt(key) ?? Infinity) <= now);
}

/** When a connection's tokens should be replaced: after a failure its `retryAt`, else when they are due. */
export function replacementDueAt(
  item: Pick<ConnectionItem, "retryAt" | "attemptedAt"> & { tokenSet?: Pick<TokenSet, "dueAt"> },
): number | undefined {
  // An item that was leased and never written belongs to someone who died: it is due at once.
  return item.retryAt ?? item.tokenSet?.dueAt ?? item.attemptedAt;
}

/** When the schedule should look at an item: the earlier of its replacement and of the next retirement of a key. */
export function nextActionAt(item: ConnectionItem): number | undefined {
  const instants = [replacementDueAt(item), ...Object.values(item.retiringKeys ?? {}).map(retirementDueAt)];
  const known = instants.filter((instant) => instant !== undefined);
  return known.length > 0 ? Math.min(...known) : undefined;
}
