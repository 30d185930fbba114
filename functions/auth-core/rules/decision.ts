import { needsOperator } from "./backoff.ts";
import { type ConnectionItem, isInBackoff, isLeased } from "./connection-item.ts";
import type { Failure } from "./failure.ts";
import { isSufficient, isValid, type TokenSet, type TokenRequirements } from "./token-set.ts";

/** What to do for a caller, given the item as it was just read. */
export type Decision =
  | { kind: "serve"; set: TokenSet }
  /** Nobody knows this connection yet: ask its secret before anything is written. */
  | { kind: "load_registration" }
  | { kind: "replace" }
  /** Someone else is replacing, and there is nothing valid to answer with meanwhile. */
  | { kind: "wait" }
  /** A backoff that other credentials would end: look at the registration, note that, and decide again. */
  | { kind: "recheck_registration"; rejectedFingerprint: string | undefined }
  | { kind: "fail"; failure: Failure };

/** Seconds between two attempts as long as the stored token is valid, or one of two is reported as rejected. */
export const attemptInterval = 30;

/** Seconds between two sweeps. */
const scheduleInterval = 60;

/** Seconds between two looks at the registration during a backoff. */
export const registrationCheckInterval = 60;

/** Pure. The order is the point: a valid token beats every lease, backoff and stored error. */
export function decide(item: ConnectionItem | undefined, now: number, requirements: TokenRequirements): Decision {
  if (!item) return { kind: "load_registration" };
  const { tokenSet } = item;
  if (tokenSet && isSufficient(tokenSet, now, requirements)) return { kind: "serve", set: tokenSet };
  const serveValid: Decision | undefined =
    tokenSet && isValid(tokenSet, now, requirements) ? { kind: "serve", set: tokenSet } : undefined;

  if (isLeased(item, now)) return serveValid ?? { kind: "wait" };
  if (item.lastError?.code === "unknown_connection") return { kind: "load_registration" };
  if (isInBackoff(item, now)) {
    const mayLook =
      needsOperator(item.lastError?.code ?? "internal") &&
      (item.registrationCheckedAt ?? 0) <= now - registrationCheckInterval;
    if (mayLook) return { kind: "recheck_registration", rejectedFingerprint: item.rejectedFingerprint };
    return serveValid ?? { kind: "fail", failure: backoffFailure(item, now, requirements) };
  }
  // The schedule retries within a minute of a backoff's end: no caller has to wait for an upstream that may be down.
  if (serveValid && item.failures > 0 && (item.retryAt ?? 0) + scheduleInterval > now) return serveValid;
  const nextAttemptAt = (item.attemptedAt ?? 0) + attemptInterval;
  if (nextAttemptAt > now) {
    if (serveValid) return serveValid;
    if (requirements.rejectedSha256 !== undefined) return { kind: "fail", failure: tooSoon(nextAttemptAt - now) };
  }
  return { kind: "replace" };
}

function backoffFailure(item: ConnectionItem, now: number, requirements: TokenRequirements): Failure {
  return requirements.rejectedSha256 === undefined ? storedFailure(item, now) : tooSoon((item.retryAt ?? now) - now);
}

/** The failure that an item remembers, as a caller is told it now. */
export function storedFailure(item: ConnectionItem, now: number): Failure {
  const code = item.lastError?.code ?? "upstream_unavailable";
  const detail = item.lastError?.detail ?? "the last attempt failed";
  return { code, detail, ...(!needsOperator(code) && { retryAfter: Math.max(0, (item.retryAt ?? now) - now) }) };
}

function tooSoon(seconds: number): Failure {
  return {
    code: "too_soon",
    detail: "this connection's token was replaced or tried a moment ago; keep what you have, or ask again later",
    retryAfter: seconds,
  };
}
