import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { noTroubles, troubles } from "./life.ts";
import { liveThroughOutage, type Outage } from "./outage.ts";

const chance = fc.double({ min: 0, max: 1, noNaN: true });

/** Outages around the worst one: the token is due late, the sweep comes late, and the outage begins just before it. */
const outages = (seconds: number): fc.Arbitrary<Outage> =>
  fc.record({
    seconds: fc.constant(seconds),
    sweepLate: fc.oneof(fc.constant(59), fc.integer({ min: 0, max: 59 })),
    beforeSweep: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 60 })),
    hangs: fc.boolean(),
    due: fc.oneof(fc.constant(1), chance),
    jitter: fc.array(chance, { minLength: 1, maxLength: 7 }),
  });

/** The worst outage, which is always tried. */
const worst = { sweepLate: 59, beforeSweep: 1, hangs: false, due: 1, jitter: [1] };

const minute = 60;
const hour = 3600;

describe("no caller notices an outage of Smart Services from the worst instant", () => {
  it.each([
    [0.4, 5 * minute, 60, 6],
    // Ends just after a sweep: the next sweep is the last one before the token's end.
    [0.4, 5 * minute + 5, 60, 2],
    [0.4, 10 * minute, 60, 4],
    [0.4, 15 * minute, 60, 4],
    [0.4, 24 * minute, 60, 4],
    [0.4, hour, 1800, 2],
    [0.4, 8 * hour, 1800, 1],
    // Without an outage no caller waits for a replacement either.
    [0, 5 * minute, 60, 2],
    [0, hour, 1800, 2],
  ])("that lasts %f of a lifetime of %i s, with min_ttl %i", async (share, lifetime, minTtl, numRuns) => {
    const seconds = share * lifetime;
    const property = fc.asyncProperty(outages(seconds), async (outage) => {
      const { answers, downUntil } = await liveThroughOutage(lifetime, minTtl, outage);

      const generations = answers.map(({ at, answer }) => ({
        at,
        generation: answer.kind === "token" && answer.generation,
      }));
      expect(troubles(answers)).toEqual(noTroubles);
      // The outage did hit the replacement, and the token was replaced after it. One of 0 s may end before the first request.
      const during = generations.filter(({ at }) => at < downUntil);
      if (seconds > 0) expect(new Set(during.map(({ generation }) => generation))).toEqual(new Set([1]));
      expect(generations.at(-1)?.generation).toBeGreaterThan(1);
    });
    // A run takes long: the first counterexample is shown as it is.
    await fc.assert(property, { numRuns, examples: [[{ ...worst, seconds }]], endOnFailure: true });
  });
});
