import { needsOperator } from "./backoff.ts";
import { type ConnectionItem, isInBackoff, isLeased } from "./connection-item.ts";
import type { Failure } from "./failure.ts";
import { isGoodEnough, isValid, type TokenSet, type Want } from "./token-set.ts";

/** What to do for a caller, given the item as it was just read. */
export type Decision =
  | { do: "serve"; set: TokenSet }
  /** Nobody knows this connection yet: ask its secret before anything is written. */
  | { do: "register" }
  | { do: "replace" }
  /** Someone else is replacing, and there is nothing valid to answer with meanwhile. */
  | { do: "wait" }
  /** A backoff that other credentials would end: look at the registration, note that, and decide again. */
  | { do: "look"; refusedFingerprint: string | undefined }
  | { do: "fail"; failure: Failure };

/** Seconds between two attempts as long as the stored token is valid, or one of two is reported as rejected. */
const attemptInterval = 30;

/** Seconds between two sweeps. */
const scheduleInterval = 60;

/** Seconds between two looks at the registration during a backoff. */
export const lookInterval = 60;

/** Pure. The order is the point: a valid token beats every lease, backoff and stored error. */
export function decide(item: ConnectionItem | undefined, now: number, want: Want): Decision {
  if (!item) return { do: "register" };
  const { tokenSet } = item;
  if (tokenSet && isGoodEnough(tokenSet, now, want)) return { do: "serve", set: tokenSet };
  const serveValid: Decision | undefined =
    tokenSet && isValid(tokenSet, now, want) ? { do: "serve", set: tokenSet } : undefined;

  if (isLeased(item, now)) return serveValid ?? { do: "wait" };
  if (item.lastError?.code === "unknown_connection") return { do: "register" };
  if (isInBackoff(item, now)) {
    const mayLook = needsOperator(item.lastError?.code ?? "internal") && (item.lookedAt ?? 0) <= now - lookInterval;
    if (mayLook) return { do: "look", refusedFingerprint: item.refusedFingerprint };
    return serveValid ?? { do: "fail", failure: backoffFailure(item, now, want) };
  }
  // The schedule retries within a minute of a backoff's end: no caller has to wait for an upstream that may be down.
  if (serveValid && item.failures > 0 && (item.retryAt ?? 0) + scheduleInterval > now) return serveValid;
  const nextAttemptAt = (item.attemptedAt ?? 0) + attemptInterval;
  if (nextAttemptAt > now) {
    if (serveValid) return serveValid;
    if (want.rejectedSha256 !== undefined) return { do: "fail", failure: tooSoon(nextAttemptAt - now) };
  }
  return { do: "replace" };
}

function backoffFailure(item: ConnectionItem, now: number, want: Want): Failure {
  return want.rejectedSha256 === undefined ? storedFailure(item, now) : tooSoon((item.retryAt ?? now) - now);
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
