import type { FailureCode } from "./failure.ts";

/** Failures that last until an operator does something; every other one is passing. */
export function needsOperator(code: FailureCode): boolean {
  return code === "credentials_rejected" || code === "connection_not_ready";
}

/**
 * Seconds until the next attempt after the n-th failure in a row.
 *
 * Passing: 5 s doubling to 5 min with full jitter, at most a quarter of what is left of a token that is still valid (so
 * that it is not outlived by its own backoff), and never before upstream's Retry-After.
 * What needs an operator: 5 min doubling to 1 h, jittered down to half.
 *
 * @param failures failures in a row, this one included
 * @param left seconds left of a valid token; absent without one
 * @param retryAfter seconds, as upstream asked
 * @param random 0 to 1
 */
export function backoff(of: {
  code: FailureCode;
  failures: number;
  left?: number | undefined;
  retryAfter?: number | undefined;
  random: number;
}): number {
  const doublings = Math.min(of.failures - 1, 20);
  if (needsOperator(of.code)) return Math.min(300 * 2 ** doublings, 3600) * (0.5 + 0.5 * of.random);
  const jittered = Math.min(5 * 2 ** doublings, 300) * of.random;
  // Full jitter may draw next to nothing; a second keeps a crowd of environments from trying at once.
  const wait = Math.max(1, Math.min(jittered, of.left === undefined ? Number.POSITIVE_INFINITY : of.left / 4));
  return Math.max(wait, of.retryAfter ?? 0);
}
