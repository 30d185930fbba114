import type { Clock } from "../../functions/auth-core/rules/clock.ts";

/** A clock that stands still until a test moves it. Instants are epoch seconds. */
export interface SteppedClock extends Clock {
  /** Moves time on, and wakes each sleeper whose instant has come, the earliest first. */
  advance: (seconds: number) => void;
  /** Resolves when at least so many sleep. A test waits for it before it moves time on. */
  asleep: (count?: number) => Promise<void>;
  /** Moves time on from one sleeper's instant to the next until the work has settled. Its result. */
  passUntil: <Result>(work: Promise<Result>) => Promise<Result>;
}

/**
 * Makes a stepped clock. A sleeper whose instant the test never reaches sleeps for ever.
 *
 * @param of.quiet resolves when no call is open: `passUntil` waits for it before each step
 */
export function steppedClock(of: { start?: number; quiet?: () => Promise<void> } = {}): SteppedClock {
  const { start = 1_800_000_000, quiet = async () => undefined } = of;
  let now = start;
  let sleepers: { until: number; wake: () => void }[] = [];
  let watchers: { count: number; tell: () => void }[] = [];

  function stepTo(instant: number): void {
    now = Math.max(now, instant);
    const due = sleepers.filter(({ until }) => until <= now);
    sleepers = sleepers.filter(({ until }) => until > now);
    for (const { wake } of due) wake();
  }

  return {
    now: () => now,
    sleep(seconds) {
      return new Promise((wake) => {
        sleepers = [...sleepers, { until: now + seconds, wake }].toSorted((one, other) => one.until - other.until);
        for (const { tell } of watchers.filter(({ count }) => count <= sleepers.length)) tell();
        watchers = watchers.filter(({ count }) => count > sleepers.length);
      });
    },
    advance: (seconds) => stepTo(now + seconds),
    asleep(count = 1) {
      if (sleepers.length >= count) return Promise.resolve();
      return new Promise((tell) => watchers.push({ count, tell }));
    },
    async passUntil(work) {
      let isSettled = false;
      const end = () => void (isSettled = true);
      const settled = work.then(end, end);
      for (;;) {
        await Promise.race([settled, this.asleep()]);
        await quiet();
        if (isSettled) break;
        stepTo(sleepers[0]?.until ?? now);
      }
      return work;
    },
  };
}
