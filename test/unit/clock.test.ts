import fc from "fast-check";
import { expect, it } from "vitest";
import { steadyNow, systemClock } from "../../functions/auth-core/rules/clock.ts";

/** A wall clock and a monotonic one, each moved by hand. */
function clocks() {
  const at = { wall: 1_800_000_000, monotonic: 50 };
  const now = steadyNow(
    () => at.wall,
    () => at.monotonic,
  );
  return { at, now };
}

function pass(at: { wall: number; monotonic: number }, seconds: number) {
  at.wall += seconds;
  at.monotonic += seconds;
}

it("is the wall clock while both run alike", () => {
  const { at, now } = clocks();

  pass(at, 10);

  expect(now()).toBe(1_800_000_010);
});

it("goes on from where it was when the wall clock steps back, so that nothing is stretched", () => {
  const { at, now } = clocks();
  pass(at, 10);
  now();

  at.wall -= 3600;

  expect(now()).toBe(1_800_000_010);
  pass(at, 5);
  expect(now()).toBe(1_800_000_015);
});

it("does not forget what passed between its last reading and a step back", () => {
  const { at, now } = clocks();
  pass(at, 10);

  at.wall -= 3600;

  expect(now()).toBe(1_800_000_010);
});

it("follows the wall clock when that steps forward, and counts from there", () => {
  const { at, now } = clocks();

  at.wall += 3600;

  expect(now()).toBe(1_800_003_600);
  at.wall -= 3600;
  pass(at, 5);
  expect(now()).toBe(1_800_003_605);
});

it("is caught up by the wall clock after a freeze in which the monotonic clock stood still", () => {
  const { at, now } = clocks();

  at.wall += 900;

  expect(now()).toBe(1_800_000_900);
  pass(at, 5);
  expect(now()).toBe(1_800_000_905);
});

it("returns to the wall clock once that has caught up after a step back", () => {
  const { at, now } = clocks();
  at.wall -= 10;
  pass(at, 5);
  now();

  at.wall += 20;

  expect(now()).toBe(1_800_000_015);
});

it("never runs slower than either clock, and never back", () => {
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

it("tells a deployed function epoch seconds, with a fraction", () => {
  const before = Date.now() / 1000;

  const instant = systemClock().now();

  expect(instant).toBeGreaterThanOrEqual(before - 0.01);
  expect(instant).toBeLessThan(before + 60);
});
