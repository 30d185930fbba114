/** What the client takes from its environment. The test double replaces all of it. Durations are seconds. */
export interface Runtime {
  /** The wall clock, in epoch seconds. It can be wrong, and can step. */
  wall: () => number;
  /** A clock that never steps back, in seconds since any instant. It can stand still while the process is frozen. */
  monotonic: () => number;
  /** At least 0, below 1. */
  random: () => number;
  /** A signal that aborts after this many seconds. It does not keep the process alive. */
  timeout: (seconds: number) => AbortSignal;
  fetch: typeof fetch;
  /** SHA-256 of a text's UTF-8 bytes, in lower-case hex. */
  sha256: (text: string) => Promise<string>;
}

export const systemRuntime: Runtime = {
  wall: () => Date.now() / 1000,
  monotonic: () => performance.now() / 1000,
  random: () => Math.random(),
  timeout: (seconds) => AbortSignal.timeout(Math.ceil(seconds * 1000)),
  // Looked up with each request, so that instrumentation can replace it later.
  fetch: (input, init) => fetch(input, init),
  async sha256(text) {
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
    return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  },
};

/**
 * Elapsed seconds since its creation, by the larger of wall and monotonic time.
 *
 * A wall clock that steps forward ends tokens early; one that steps back extends none, because the monotonic clock counts.
 * A monotonic clock that stood still while the process was frozen extends none either, because the wall clock counts.
 * When the two disagree by more than a second, counting starts again from there: so a step does not hide a later freeze.
 * It never steps back: so a step back takes away no short freeze before it.
 */
export function elapsedClock({ wall, monotonic }: Runtime): () => number {
  let now = 0;
  let base = 0;
  let wallBase = wall();
  let monotonicBase = monotonic();
  return () => {
    const wallNow = wall();
    const monotonicNow = monotonic();
    const byWall = wallNow - wallBase;
    const byMonotonic = monotonicNow - monotonicBase;
    now = Math.max(now, base + byWall, base + byMonotonic);
    if (Math.abs(byWall - byMonotonic) > 1) [base, wallBase, monotonicBase] = [now, wallNow, monotonicNow];
    return now;
  };
}
