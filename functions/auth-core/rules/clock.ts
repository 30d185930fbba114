/** Where instants come from. Injected everywhere, so that tests step time instead of waiting for it. */
export interface Clock {
  /** This instant, in epoch seconds with a fraction. */
  now(): number;
  /** Resolves after so many seconds. */
  sleep(seconds: number): Promise<void>;
}

/**
 * A `now` that never runs slower than the monotonic clock: ages and deadlines use the larger of wall-clock and
 * monotonic elapsed time, so a wall clock that steps back (a correction, a restored snapshot) stretches nothing, and a
 * monotonic clock that stood still while the environment was frozen is caught up by the wall clock.
 *
 * Its price: after a step back this process goes on in its own, later time, which replaces tokens a little too early
 * and never too late.
 *
 * @param wall epoch seconds
 * @param monotonic seconds since any fixed point
 */
export function steadyNow(wall: () => number, monotonic: () => number): () => number {
  let base = wall();
  let baseMonotonic = monotonic();
  return () => {
    const wallNow = wall();
    const elapsed = base + (monotonic() - baseMonotonic);
    if (wallNow < elapsed) return elapsed;
    base = wallNow;
    baseMonotonic = monotonic();
    return wallNow;
  };
}

/** The clock of a deployed function. */
export function systemClock(): Clock {
  return {
    now: steadyNow(
      () => Date.now() / 1000,
      () => performance.now() / 1000,
    ),
    sleep: (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000)),
  };
}
