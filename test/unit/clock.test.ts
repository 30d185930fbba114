import fc from "fast-check";
import { expect, it, onTestFinished, vi } from "vitest";
import { steadyNow, systemClock } from "../../functions/auth-core/rules/clock.ts";

/** A wall clock and a monotonic one, both set by hand. */
function clocks() {
  const at = { wall: 1_800_000_000, monotonic: 50 };
  const now = steadyNow(
    () => at.wall,
    () => at.monotonic,
  );
  return { at, now };
}

it("steadyNow never runs slower than either clock, and never back", () => {
  const step = fc.record({
    monotonic: fc.integer({ min: 0, max: 1000 }),
    wall: fc.integer({ min: -100_000, max: 100_000 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const { at, now } = clocks();
      let last = now();
      for (const { wall, monotonic } of steps) {
        at.wall += wall;
        at.monotonic += monotonic;
        const instant = now();
        expect(instant).toBe(Math.max(at.wall, last + monotonic));
        last = instant;
      }
    }),
  );
});

it("systemClock sleeps for seconds", async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  let isAwake = false;
  const sleeping = systemClock()
    .sleep(1.5)
    .then(() => (isAwake = true));

  await vi.advanceTimersByTimeAsync(1499);
  expect(isAwake).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  await sleeping;
});

it("systemClock continues by the monotonic clock while the wall clock stands still", () => {
  let monotonic = 0;
  vi.spyOn(Date, "now").mockReturnValue(1_800_000_000_000);
  vi.spyOn(performance, "now").mockImplementation(() => monotonic);
  onTestFinished(() => void vi.restoreAllMocks());
  const clock = systemClock();

  monotonic = 2500;

  expect(clock.now()).toBe(1_800_000_002.5);
});
