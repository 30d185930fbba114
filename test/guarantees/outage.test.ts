import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Ports } from "../../functions/auth-core/use-cases/ports.ts";
import { troubles } from "./life.ts";
import { liveThroughOutage, type Outage } from "./outage.ts";
import { startWithToken } from "./stored-token.ts";

const chance = fc.double({ min: 0, max: 1, noNaN: true });

/** Instants around the worst: the token is due late, the schedule comes late, and the outage begins just before it. */
const outages = (lasts: number): fc.Arbitrary<Outage> =>
  fc.record({
    lasts: fc.constant(lasts),
    sweepLate: fc.oneof(fc.constant(59), fc.integer({ min: 0, max: 59 })),
    beforeSweep: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 60 })),
    hangs: fc.boolean(),
    due: fc.oneof(fc.constant(1), chance),
    jitter: fc.array(chance, { minLength: 1, maxLength: 7 }),
  });

/** The worst of them, which is always tried. */
const worst = (lasts: number): Outage => ({
  lasts,
  sweepLate: 59,
  beforeSweep: 1,
  hangs: false,
  due: 1,
  jitter: [1],
});

/** A life takes a second to run: the first counterexample is told as it is. */
const noShrinking = { endOnFailure: true };

const none = { failures: 0, expired: 0, waits: 0 };
const minute = 60;
const hour = 3600;

describe("an outage of Smart Services of 40 % of a token's life, from the worst instant, is never felt", () => {
  it.each([
    [5 * minute, 60, 6],
    // Ends just after a sweep: the next one is the last before the token's end.
    [5 * minute + 5, 60, 2],
    [10 * minute, 60, 4],
    [15 * minute, 60, 4],
    [24 * minute, 60, 4],
    [24 * minute, 1800, 4],
    [hour, 60, 3],
    [hour, 1800, 2],
    [8 * hour, 60, 1],
    [8 * hour, 1800, 1],
  ])("by a token of %s s with min_ttl %s", { timeout: 60_000 }, async (lifetime, minTtl, numRuns) => {
    const lasts = 0.4 * lifetime;
    const property = fc.asyncProperty(outages(lasts), async (outage) => {
      const { asked, downUntil } = await liveThroughOutage(lifetime, minTtl, outage);

      expect(troubles(asked)).toEqual(none);
      // The outage did hit the replacement, and the token was replaced once it was over.
      const during = asked.filter(({ at }) => at < downUntil);
      expect(new Set(during.map(({ answer }) => answer.kind === "token" && answer.generation))).toEqual(new Set([1]));
      expect(asked.at(-1)?.answer.kind === "token" && asked.at(-1)?.answer).not.toMatchObject({ generation: 1 });
    });
    await fc.assert(property, { numRuns, examples: [[worst(lasts)]], ...noShrinking });
  });
});

it("who asks for more than is left while another waits for Smart Services gets the valid token at once", async () => {
  const { connection, clock, ...world } = await startWithToken();
  clock.advance(2400);
  const upstream: Ports["upstream"] = {
    async call() {
      await clock.sleep(5);
      return { kind: "temporary", reason: "fake outage", rateLimited: false };
    },
  };
  const asking = world.service({ upstream }).get(connection, { minTtl: 1800 });
  await clock.asleep();

  const answer = await Promise.race([world.service().get(connection, { minTtl: 1800 }), world.quiet()]);

  expect(answer).toMatchObject({ kind: "token", generation: 1 });
  expect(await world.settled(asking)).toMatchObject({ kind: "token", generation: 1 });
});

it.each([
  [300, 60],
  [24 * minute, 60],
  [24 * minute, 1800],
  [hour, 60],
  [hour, 1800],
  [8 * hour, 1800],
])("no caller waits for Smart Services while they work: a token of %s s with min_ttl %s", async (lifetime, minTtl) => {
  const property = fc.asyncProperty(outages(0), async (outage) => {
    const { asked } = await liveThroughOutage(lifetime, minTtl, outage);

    expect(troubles(asked)).toEqual(none);
    expect(asked.at(-1)?.answer.kind === "token" && asked.at(-1)?.answer).not.toMatchObject({ generation: 1 });
  });
  await fc.assert(property, { numRuns: 2, ...noShrinking });
});
