import { maxAcceptedLifetime } from "../tokens/lifetimes.ts";

/**
 * A key that is or was used with a connection, other than the key of its stored token set. Instants are epoch seconds.
 * Each entry is written on its own, under the key's fingerprint, so that two writers never lose each other's entries.
 */
export interface RetiringKey {
  /** When the key was first noted here. */
  since: number;
  /** After this instant no token of the key is valid. Absent: the key is or may be in use. */
  end?: number;
  /** The issuer's id of the key, if an issuer made it. */
  id?: string;
  /** The pending version of the rotation whose test this key passed. */
  testedVersion?: string;
  /** The pending version of a rotation and, after a blank, the version that its value was made from. */
  basedOn?: string;
  /** The key was still in use. The next check is at this instant. */
  checkAgainAt?: number;
  /** The event was about to be sent at this instant: it may or may not be sent. */
  announcedAt?: number;
  /** The event was sent at this instant. The issuer has not revoked the key yet. */
  notifiedAt?: number;
}

export type RetiringKeys = Record<string, RetiringKey>;

/** Maximum seconds of a function's run: a run that started while the key was in use may still get a token of it. */
const maxRunSeconds = 60;

/**
 * The instant from which no token of a key is valid, if the key leaves use now: after the maximum accepted lifetime and
 * one run. Not the registration's `maxLifetime`: before an operator lowered that, a longer token may have been issued.
 */
export function retirementEnd(now: number): number {
  return now + maxAcceptedLifetime + maxRunSeconds;
}

/** Seconds until the next check of a key that is still in use: the time since its end, at least an hour, at most a day. */
export function checkAgainDelay(key: RetiringKey, now: number): number {
  return Math.min(Math.max(3600, now - (key.end ?? now)), 24 * 3600);
}

/** When to check whether the key can be retired; `undefined` while it is in use. */
export function retirementDueAt(key: RetiringKey): number | undefined {
  return key.end === undefined ? undefined : Math.max(key.end, key.checkAgainAt ?? 0);
}

/** The keys of an item that may be retired now, if nothing else uses them. */
export function retirableKeys(
  item: { retiringKeys?: RetiringKeys },
  now: number,
): [fingerprint: string, key: RetiringKey][] {
  return Object.entries(item.retiringKeys ?? {}).filter(([, key]) => (retirementDueAt(key) ?? Infinity) <= now);
}
