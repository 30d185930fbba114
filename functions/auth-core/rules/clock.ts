/** The source of time. Always injected, so that tests set the time instead of waiting. */
export interface Clock {
  /** The current instant. */
  now(): number;
  /** Resolves after this many seconds. */
  sleep(seconds: number): Promise<void>;
}

/**
 * A `now` that never runs slower than the monotonic clock (docs/adr/0003-a-steady-clock.md).
 *
 * It uses the larger of wall-clock and monotonic elapsed time. A wall clock that steps back (a correction, a restored
 * snapshot) extends no deadline. A monotonic clock that stopped while the environment was frozen catches up.
 * After a step back, this process runs ahead of the wall clock: it replaces tokens slightly early, never late.
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
