import { sha256Hex } from "../fingerprint.ts";
import type { Registration } from "../upstream/registration.ts";
import type { Secret } from "../secret.ts";
import { documentedRefreshLifetime } from "./lifetimes.ts";
import type { UpstreamTokens } from "../upstream/upstream-response.ts";

/** An access token and its refresh token, their ends, and the fingerprints of the credentials that they were issued for. */
export interface TokenSet {
  accessToken: Secret;
  /** Instant. */
  accessTokenExpiresAt: number;
  /** Instant at which its request was sent. */
  obtainedAt: number;
  obtainedBy: "api_key" | "refresh_token";
  refreshToken?: Secret;
  /** Instant. */
  refreshTokenExpiresAt?: number;
  scope: string;
  /** Username and scope of the registration, for callers that name a connection by them. */
  username?: string;
  registeredScope?: string;
  apiBaseUrl?: string;
  keyFingerprint: string;
  credentialFingerprint: string;
  /** The issuer's id of the key, if an issuer made it. */
  apiKeyId?: string;
  /** Instant at which the secret's current version was created. */
  keyCreatedAt?: number;
  singleActiveToken: boolean;
  /** Instant of the last replacement, to this token set or to one before it, that the report of a call caused. */
  apiRejectedAt?: number;
  /** Instant from which it is replaced, though it is still valid. */
  dueAt: number;
}

/** Seconds. A token with no more left counts as expired, because it takes time to reach the API. */
export const skew = 5;

/** Seconds. A refresh token with less left is not used; the API key replaces it. */
export const refreshTokenMargin = 2 * 24 * 3600;

/** What a caller requires of a token. */
export interface TokenRequirements {
  /** Seconds that should be left. */
  minTtl: number;
  /** SHA-256 in hex of an access token that the API rejected. A token with this hash is not valid for this caller. */
  rejectedSha256?: string;
  /** Who reports the rejected token; see `rejection-reports.ts`. */
  reporter?: string;
  /** A call reports the token; see `rejection-reports.ts`. `acceptedAt`: instant at which this environment saw the API accept it. */
  call?: { acceptedAt?: number };
  /** A token that was issued for another username or scope is not valid for this caller. */
  registeredAs?: RegisteredNames;
}

/** The username and scope of a registration, as far as a caller names them. */
export interface RegisteredNames {
  username?: string | undefined;
  scope?: string | undefined;
}

/** Lifetime of the access token, in seconds. */
function lifetime(set: TokenSet): number {
  return set.accessTokenExpiresAt - set.obtainedAt;
}

/** Remaining time of the access token, in seconds; negative after its end. */
export function remaining(set: TokenSet, now: number): number {
  return set.accessTokenExpiresAt - now;
}

/** Expired means `expiresAt − skew ≤ now`. */
export function isExpired(set: Pick<TokenSet, "accessTokenExpiresAt">, now: number): boolean {
  return set.accessTokenExpiresAt - skew <= now;
}

/** Not expired, not the token that the caller reports as rejected, and issued for the names that the caller requires. */
export function isValid(set: TokenSet, now: number, requirements: Partial<TokenRequirements> = {}): boolean {
  return !isExpired(set, now) && !isRejected(set, requirements) && isIssuedFor(set, requirements.registeredAs);
}

/** Whether it is the token that the caller reports as rejected. */
export function isRejected(set: TokenSet, { rejectedSha256 }: Partial<TokenRequirements>): boolean {
  return rejectedSha256 !== undefined && sha256Hex(set.accessToken.reveal()) === rejectedSha256;
}

/** Whether a token set was issued for a username and scope. */
export function isIssuedFor(set: TokenSet, names: RegisteredNames | undefined): boolean {
  return hasNames({ username: set.username, scope: set.registeredScope }, names);
}

/** Whether a registration has the names that a caller requires. */
export function hasNames(registered: RegisteredNames, { username, scope }: RegisteredNames = {}): boolean {
  return (
    (username === undefined || username === registered.username) && (scope === undefined || scope === registered.scope)
  );
}

/**
 * The `min_ttl` that applies, in seconds: at most 40 % of the lifetime, so that short lifetimes do not cause an upstream
 * call per request; with `singleActiveToken` at most half of the margin, because each replacement invalidates a token.
 */
export function effectiveMinTtl(set: TokenSet, minTtl: number): number {
  return Math.min(minTtl, set.singleActiveToken ? singleActiveMargin(lifetime(set)) / 2 : 0.4 * lifetime(set));
}

/** Valid, with at least the effective `min_ttl` left. */
export function isSufficient(set: TokenSet, now: number, requirements: TokenRequirements): boolean {
  return isValid(set, now, requirements) && remaining(set, now) >= effectiveMinTtl(set, requirements.minTtl);
}

/** How a served token misses the required validity; `undefined` if it does not. */
export function validityMiss(set: TokenSet, now: number, minTtl: number): "expired" | "below_minimum" | undefined {
  if (isExpired(set, now)) return "expired";
  return remaining(set, now) < effectiveMinTtl(set, minTtl) ? "below_minimum" : undefined;
}

/** Seconds. From this lifetime on, callers do not notice an outage of 40 % of it. */
const minCoveredLifetime = 300;

/** Seconds that a replacement may be late: one sweep interval before the outage, one after it, and the skew. */
const sweepLateness = 2 * 60 + skew;

/**
 * When to replace a token set: after 45 to 55 % of the lifetime. The range spreads connections that were created
 * together, and an outage of 40 % of the lifetime ends before the token does. With `singleActiveToken`: as late as safe.
 *
 * @param random 0 to 1
 */
export function dueAt(set: Omit<TokenSet, "dueAt">, random: number): number {
  const seconds = set.accessTokenExpiresAt - set.obtainedAt;
  if (set.singleActiveToken) return set.accessTokenExpiresAt - singleActiveMargin(seconds);
  const spread = (0.45 + 0.1 * random) * seconds;
  if (seconds < minCoveredLifetime) return set.obtainedAt + spread;
  return set.obtainedAt + Math.min(spread, 0.6 * seconds - sweepLateness);
}

/** Seconds before the end at which a replacement is due that invalidates the previous token. */
function singleActiveMargin(lifetimeSeconds: number): number {
  return Math.min(300, 0.2 * lifetimeSeconds);
}

/** Seconds for which an environment may serve this set from memory without reading the table. */
export function memoryLifetime(set: TokenSet): number {
  return set.singleActiveToken ? 5 : 60;
}

/** Whether the refresh token can be used: it is valid, and belongs to the registered credentials. */
export function canRefresh(set: TokenSet | undefined, registration: Registration, now: number): boolean {
  return (
    set?.refreshToken !== undefined &&
    set.credentialFingerprint === registration.credentialFingerprint &&
    (set.refreshTokenExpiresAt ?? 0) - refreshTokenMargin > now
  );
}

/** The token set of a token response. Without a new refresh token, the previous one stays. */
export function nextTokenSet(
  tokens: UpstreamTokens,
  obtainedBy: TokenSet["obtainedBy"],
  context: {
    registration: Registration;
    keyCreatedAt?: number | undefined;
    previous?: TokenSet | undefined;
    /** Upstream rejected the stored refresh token: it is not kept. */
    refreshTokenRejected: boolean;
  },
  random: number,
): TokenSet {
  const { registration, keyCreatedAt, previous, refreshTokenRejected } = context;
  const refresh = tokens.refreshToken
    ? {
        refreshToken: tokens.refreshToken,
        refreshTokenExpiresAt: tokens.sentAt + (tokens.refreshLifetime ?? documentedRefreshLifetime),
      }
    : previous?.refreshToken &&
        previous.refreshTokenExpiresAt !== undefined &&
        !refreshTokenRejected &&
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
    ...(registration.apiKeyId !== undefined && { apiKeyId: registration.apiKeyId }),
    ...(keyCreatedAt !== undefined && { keyCreatedAt }),
    singleActiveToken: registration.singleActiveToken,
    ...(previous?.apiRejectedAt !== undefined && { apiRejectedAt: previous.apiRejectedAt }),
  };
  return { ...set, dueAt: dueAt(set, random) };
}

/**
 * The token set after upstream returned the same access token again: its lifetime and `obtainedAt` stay, a new refresh
 * token is kept, and the next attempt waits long enough not to become a loop.
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
