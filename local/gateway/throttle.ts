import type { Throttle } from "./options.ts";

/**
 * A token bucket that starts full. `take` counts a request at `now` (epoch seconds) and returns whether it may pass.
 * Without limits every request passes. A clock that steps back refills nothing.
 */
export function createBucket(limits: Throttle | undefined): { take(now: number): boolean } {
  if (!limits) return { take: () => true };
  let level = limits.burst;
  let filledAt = Number.NEGATIVE_INFINITY;
  return {
    take(now) {
      level = Math.min(limits.burst, level + Math.max(0, now - filledAt) * limits.rate);
      filledAt = now;
      if (level < 1) return false;
      level -= 1;
      return true;
    },
  };
}
