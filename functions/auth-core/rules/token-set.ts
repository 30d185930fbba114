import { sha256Hex } from "./fingerprint.ts";
import type { Registration } from "./registration.ts";
import type { Secret } from "./secret.ts";
import { documentedRefreshLifetime, type UpstreamTokens } from "./upstream-response.ts";

/** Access token and refresh token, with the ends of both, and the fingerprints of the credentials they descend from. */
export interface TokenSet {
  accessToken: Secret;
  /** Instant. */
  accessTokenExpiresAt: number;
  /** Instant at which the request for it was sent. */
  obtainedAt: number;
  obtainedBy: "api_key" | "refresh_token";
  refreshToken?: Secret;
  /** Instant. */
  refreshTokenExpiresAt?: number;
  scope: string;
  /** Username and scope as registered, for callers who name a connection by them. */
  username?: string;
  registeredScope?: string;
  apiBaseUrl?: string;
  keyFingerprint: string;
  credentialFingerprint: string;
  /** Instant at which the secret's current version was made. */
  keyCreatedAt?: number;
  singleActiveToken: boolean;
  /** Instant past which it should be replaced, though it is still valid. */
  dueAt: number;
}

/** Seconds: a token with less left counts as expired, for the time that it needs to reach its use. */
export const skew = 5;

/** A refresh token with less left than this, in seconds, is not used any more: an exchange replaces it. */
export const refreshTokenMargin = 2 * 24 * 3600;

/** What a caller asks for. */
export interface TokenRequirements {
  /** Seconds that should be left. */
  minTtl: number;
  /** SHA-256 in hex of an access token that the caller saw refused; a token with this hash does not count as valid. */
  rejectedSha256?: string;
}

/** The whole life of the access token, in seconds. */
export function lifetime(set: TokenSet): number {
  return set.accessTokenExpiresAt - set.obtainedAt;
}

/** Seconds that are left of it; negative once it has expired. */
export function remaining(set: TokenSet, now: number): number {
  return set.accessTokenExpiresAt - now;
}

/** Expired means `expiresAt − skew ≤ now`. */
export function isExpired(set: Pick<TokenSet, "accessTokenExpiresAt">, now: number): boolean {
  return set.accessTokenExpiresAt - skew <= now;
}

/** Not expired; and for whoever saw it rejected, not the rejected one. */
export function isValid(set: TokenSet, now: number, requirements?: TokenRequirements): boolean {
  if (isExpired(set, now)) return false;
  return (
    requirements?.rejectedSha256 === undefined || sha256Hex(set.accessToken.reveal()) !== requirements.rejectedSha256
  );
}

/**
 * `min_ttl` as it counts: at most 40 % of the lifetime, so that a short-lived upstream is not asked at every request;
 * with `singleActiveToken` at most half of the margin at which a replacement is due, since every one kills a token.
 */
export function effectiveMinTtl(set: TokenSet, minTtl: number): number {
  return Math.min(minTtl, set.singleActiveToken ? singleActiveMargin(lifetime(set)) / 2 : 0.4 * lifetime(set));
}

/** Valid, and with as much left as is asked for. */
export function isSufficient(set: TokenSet, now: number, requirements: TokenRequirements): boolean {
  return isValid(set, now, requirements) && remaining(set, now) >= effectiveMinTtl(set, requirements.minTtl);
}

/** How a token that is handed out breaks the promise of its validity; `undefined` where it keeps it. */
export function validityMiss(set: TokenSet, now: number, minTtl: number): "expired" | "below_minimum" | undefined {
  if (isExpired(set, now)) return "expired";
  return remaining(set, now) < effectiveMinTtl(set, minTtl) ? "below_minimum" : undefined;
}

/** From this lifetime on, in seconds, an outage of 40 % of it is never felt. */
const minCoveredLifetime = 300;

/** Seconds that a replacement may come late: a sweep is up to a minute off, before the outage and after it; the skew. */
const sweepLateness = 2 * 60 + skew;

/**
 * When to replace: after 45 to 55 % of the lifetime, so that connections that were made together drift apart, and early
 * enough for an outage of 40 % of it to end before the token does; with `singleActiveToken` as late as is safe.
 *
 * @param random 0 to 1
 */
export function dueAt(set: Omit<TokenSet, "dueAt">, random: number): number {
  const whole = set.accessTokenExpiresAt - set.obtainedAt;
  if (set.singleActiveToken) return set.accessTokenExpiresAt - singleActiveMargin(whole);
  const drawn = (0.45 + 0.1 * random) * whole;
  if (whole < minCoveredLifetime) return set.obtainedAt + drawn;
  return set.obtainedAt + Math.min(drawn, 0.6 * whole - sweepLateness);
}

/** Seconds before the end at which a replacement that kills its predecessor is due. */
function singleActiveMargin(whole: number): number {
  return Math.min(300, 0.2 * whole);
}

/** Seconds for which an environment may serve this set from memory without looking at the table. */
export function memoryLifetime(set: TokenSet): number {
  return set.singleActiveToken ? 5 : 60;
}

/** Whether the refresh grant may be tried: a live refresh token of the very credentials that are registered now. */
export function canRefresh(set: TokenSet | undefined, registration: Registration, now: number): boolean {
  return (
    set?.refreshToken !== undefined &&
    set.credentialFingerprint === registration.credentialFingerprint &&
    (set.refreshTokenExpiresAt ?? 0) - refreshTokenMargin > now
  );
}

/** The set that an answer makes, given the one before it. An absent refresh token means an unchanged one. */
export function nextTokenSet(
  tokens: UpstreamTokens,
  obtainedBy: TokenSet["obtainedBy"],
  of: {
    registration: Registration;
    keyCreatedAt?: number | undefined;
    previous?: TokenSet | undefined;
    /** The stored refresh token was refused: it is not kept. */
    refreshTokenRejected: boolean;
  },
  random: number,
): TokenSet {
  const { registration, previous } = of;
  const refresh = tokens.refreshToken
    ? {
        refreshToken: tokens.refreshToken,
        refreshTokenExpiresAt: tokens.sentAt + (tokens.refreshLifetime ?? documentedRefreshLifetime),
      }
    : previous?.refreshToken &&
        previous.refreshTokenExpiresAt !== undefined &&
        !of.refreshTokenRejected &&
        previous.credentialFingerprint === registration.credentialFingerprint
      ? { refreshToken: previous.refreshToken, refreshTokenExpiresAt: previous.refreshTokenExpiresAt }
      : {};
  const set = {
    accessToken: tokens.accessToken,
    accessTokenExpiresAt: tokens.sentAt + tokens.lifetime,
    obtainedAt: tokens.sentAt,
    obtainedBy,
    ...refresh,
    scope: tokens.scope ?? registration.scope,
    username: registration.username,
    registeredScope: registration.scope,
    ...(registration.apiBaseUrl !== undefined && { apiBaseUrl: registration.apiBaseUrl }),
    keyFingerprint: registration.keyFingerprint,
    credentialFingerprint: registration.credentialFingerprint,
    ...(of.keyCreatedAt !== undefined && { keyCreatedAt: of.keyCreatedAt }),
    singleActiveToken: registration.singleActiveToken,
  };
  return { ...set, dueAt: dueAt(set, random) };
}

/**
 * The set after upstream gave the same access token again, which is no progress: lifetime and `obtainedAt` stay, a new
 * refresh token is kept, and the next try is far enough away not to become a loop.
 */
export function keepSameToken(previous: TokenSet, next: TokenSet, now: number): TokenSet {
  return {
    ...next,
    obtainedAt: previous.obtainedAt,
    accessTokenExpiresAt: previous.accessTokenExpiresAt,
    obtainedBy: previous.obtainedBy,
    dueAt: now + Math.max(60, remaining(previous, now) / 2),
  };
}
