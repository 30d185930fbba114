import { type FailureCode, needsOperator } from "../failure-catalogue.ts";

/**
 * Seconds until the next attempt.
 *
 * Temporary failures: 5 s, doubled each time up to 5 min, with full jitter; at most a quarter of the remaining time of a
 * valid token, so that the token does not expire during the backoff; never less than upstream's Retry-After.
 * Failures that need an operator: 5 min, doubled each time up to 1 h, with jitter down to half.
 *
 * @param failures consecutive failures, including this one
 * @param left remaining seconds of a valid token; absent without one
 * @param retryAfter seconds, from upstream
 * @param random 0 to 1
 */
export function backoff({
  code,
  failures,
  left = Number.POSITIVE_INFINITY,
  retryAfter = 0,
  random,
}: {
  code: FailureCode;
  failures: number;
  left?: number | undefined;
  retryAfter?: number | undefined;
  random: number;
}): number {
  const doublings = Math.min(failures - 1, 20);
  if (needsOperator(code)) return Math.min(300 * 2 ** doublings, 3600) * (0.5 + 0.5 * random);
  const jittered = Math.min(5 * 2 ** doublings, 300) * random;
  // Full jitter can be close to 0. One second keeps many environments from retrying at once.
  return Math.max(1, Math.min(jittered, left / 4), retryAfter);
}
