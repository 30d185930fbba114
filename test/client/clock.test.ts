import fc from "fast-check";
import { expect, test } from "vitest";
import { elapsedClock, systemRuntime } from "../../packages/client/src/runtime.ts";

const seconds = fc.double({ min: 0, max: 5000, noNaN: true });
const act = fc.record({
  kind: fc.constantFrom("time passes", "the process is frozen", "the clock is set"),
  seconds,
  isBack: fc.boolean(),
});

test("elapsedClock never counts less than the true time, however often clocks step and the process freezes", () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 40 }), (acts) => {
      let wall = 1_800_000_000;
      let monotonic = 0;
      let truth = 0;
      const now = elapsedClock({ ...systemRuntime, wall: () => wall, monotonic: () => monotonic });
      const seen = [{ truth, now: now() }];
      for (const { kind, seconds: by, isBack } of acts) {
        if (kind === "the clock is set") wall += isBack ? -by : by;
        else {
          truth += by;
          wall += by;
          if (kind === "time passes") monotonic += by;
        }
        seen.push({ truth, now: now() });
      }
      const last = seen.at(-1) ?? { truth, now: 0 };
      // Differences of up to a second between the clocks are not followed: a token ends 5 s before its expiry.
      for (const each of seen) expect(last.now - each.now).toBeGreaterThanOrEqual(last.truth - each.truth - 1.001);
    }),
    { numRuns: 2000 },
  );
});

test("elapsedClock keeps the short freezes that steps back follow", () => {
  let wall = 1_800_000_000;
  const now = elapsedClock({ ...systemRuntime, wall: () => wall, monotonic: () => 0 });
  for (let round = 0; round < 10; round += 1) {
    wall += 0.9;
    now();
    wall -= 5;
    now();
  }

  expect(now()).toBeCloseTo(9, 3);
});

test("elapsedClock counts the true time if only the wall clock is wrong, and never steps", () => {
  fc.assert(
    fc.property(fc.array(seconds, { maxLength: 20 }), seconds, (passes, ahead) => {
      let truth = 0;
      const wall = () => 1_800_000_000 + ahead + truth;
      const now = elapsedClock({ ...systemRuntime, wall, monotonic: () => truth });
      for (const by of passes) {
        truth += by;
        expect(now()).toBeCloseTo(truth, 3);
      }
    }),
  );
});
