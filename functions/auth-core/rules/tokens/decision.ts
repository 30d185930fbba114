import { type ConnectionItem, isInBackoff, isLeased } from "./connection-item.ts";
import { type Failure, wholeSeconds, withRetry } from "../failure.ts";
import { needsOperator } from "../failure-catalogue.ts";
import { nextReportAt } from "./rejection-reports.ts";
import { isSufficient, isValid, type TokenSet, type TokenRequirements } from "./token-set.ts";

/** What to do for a caller, given the item that was just read. */
export type Decision =
  | { kind: "serve"; set: TokenSet }
  /** There is no item yet: read the secret before writing anything. */
  | { kind: "load_registration" }
  | { kind: "replace" }
  /** Another environment is replacing the token set, and no stored token is valid. */
  | { kind: "wait" }
  /** Different credentials would end this backoff: check the registration, note the check, and decide again. */
  | { kind: "recheck_registration"; rejectedFingerprint: string | undefined }
  | { kind: "fail"; failure: Failure };

/** Seconds between two attempts while the stored token is valid, or while callers report tokens as rejected. */
export const attemptInterval = 30;

/** Seconds between two sweeps. */
const scheduleInterval = 60;

/** Seconds between two registration checks during a backoff. */
export const registrationCheckInterval = 60;

/**
 * Decides in this order: a valid token is served whatever the lease, backoff or last error says.
 *
 * @param waitedSince the item when the request began to wait. If the attempt that it waited for failed, it gets that failure
 */
export function decide(
  item: ConnectionItem | undefined,
  now: number,
  requirements: TokenRequirements,
  waitedSince?: ConnectionItem,
): Decision {
  if (!item) return { kind: "load_registration" };
  const { tokenSet } = item;
  if (tokenSet && isSufficient(tokenSet, now, requirements)) return { kind: "serve", set: tokenSet };
  const serveValid: Decision | undefined =
    tokenSet && isValid(tokenSet, now, requirements) ? { kind: "serve", set: tokenSet } : undefined;

  if (isLeased(item, now)) return serveValid ?? { kind: "wait" };
  if (item.lastError?.code === "unknown_connection") return { kind: "load_registration" };
  if (isInBackoff(item, now)) {
    const mayCheck =
      needsOperator(item.lastError?.code ?? "internal") &&
      (item.registrationCheckedAt ?? 0) <= now - registrationCheckInterval;
    if (mayCheck) return { kind: "recheck_registration", rejectedFingerprint: item.rejectedFingerprint };
    return serveValid ?? { kind: "fail", failure: backoffFailure(item, now, requirements) };
  }
  // The sweep retries within a minute after the backoff. No caller with a valid token waits for a failing upstream.
  if (serveValid && (item.retryAt ?? 0) + scheduleInterval > now) return serveValid;
  const nextAttemptAt = (item.attemptedAt ?? 0) + attemptInterval;
  const nextReport = nextReportAt(item, now, requirements);
  if (nextReport > now) return { kind: "fail", failure: reportedAgain(Math.max(nextReport, nextAttemptAt) - now) };
  if (nextAttemptAt > now) {
    if (serveValid) return serveValid;
    if (requirements.rejectedSha256 !== undefined) return { kind: "fail", failure: tooSoon(nextAttemptAt - now) };
  }
  if (waitedSince && item.failures > waitedSince.failures) return { kind: "fail", failure: storedFailure(item, now) };
  return { kind: "replace" };
}

function backoffFailure(item: ConnectionItem, now: number, requirements: TokenRequirements): Failure {
  return requirements.rejectedSha256 === undefined ? storedFailure(item, now) : tooSoon((item.retryAt ?? now) - now);
}

/** The stored failure of an item, as a caller gets it now. */
function storedFailure(item: ConnectionItem, now: number): Failure {
  const code = item.lastError?.code ?? "upstream_unavailable";
  const failure = { code, detail: item.lastError?.detail ?? "The last attempt failed." };
  return needsOperator(code) ? failure : withRetry(failure, Math.max(0, (item.retryAt ?? now) - now));
}

function tooSoon(seconds: number, reason = "The last attempt to replace this token was too recent."): Failure {
  const detail = `${reason} Keep using your token, or retry in ${wholeSeconds(seconds)} s.`;
  return { code: "too_soon", detail, retryAfter: seconds };
}

function reportedAgain(seconds: number): Failure {
  const reason =
    "This caller reports one token after another, and each replacement invalidates the token of all callers.";
  return tooSoon(seconds, reason);
}
