import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Ports } from "../../functions/auth-core/use-cases/ports.ts";
import { troubles } from "./life.ts";
import { liveThroughOutage, type Outage } from "./outage.ts";
import { startWithToken } from "./stored-token.ts";

const chance = fc.double({ min: 0, max: 1, noNaN: true });

/** Worst instants: the token is due late, the schedule comes late, and the outage begins just before it. */
const outages = (lasts: number): fc.Arbitrary<Outage> =>
  fc.record({
    lasts: fc.constant(lasts),
    sweepLate: fc.oneof(fc.constant(59), fc.integer({ min: 0, max: 59 })),
    beforeSweep: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 60 })),
    hangs: fc.boolean(),
    due: fc.oneof(fc.constant(1), chance),
    jitter: fc.array(chance, { minLength: 1, maxLength: 7 }),
  });

/** A life takes a second to run: the first counterexample is told as it is. */
const noShrinking = { endOnFailure: true };

const none = { failures: 0, expired: 0, waits: 0 };
const minute = 60;
const hour = 3600;

/** Seconds that a caller may wait for two upstream calls, where less is left than it asks for. */
const twoCalls = 10;

describe("an outage of Smart Services of 40 % of a token's life, from the worst instant", () => {
  it.each([
    [hour, 60, 6],
    [8 * hour, 60, 1],
  ])(
    "is never felt: not by a token of %s s with min_ttl %s",
    { timeout: 60_000 },
    async (lifetime, minTtl, numRuns) => {
      const property = fc.asyncProperty(outages(0.4 * lifetime), async (outage) => {
        const asked = await liveThroughOutage(lifetime, minTtl, outage);

        expect(troubles(asked)).toEqual(none);
        expect(asked.at(-1)?.answer).toMatchObject({ generation: 2 });
      });
      await fc.assert(property, { numRuns, ...noShrinking });
    },
  );

  it.each([
    [24 * minute, 60, 6],
    [24 * minute, 1800, 2],
    [hour, 1800, 1],
    [8 * hour, 1800, 1],
  ])("fails nobody: a token of %s s with min_ttl %s", { timeout: 60_000 }, async (lifetime, minTtl, numRuns) => {
    const property = fc.asyncProperty(outages(0.4 * lifetime - 1), async (outage) => {
      const asked = await liveThroughOutage(lifetime, minTtl, outage);

      expect(troubles(asked)).toMatchObject({ failures: 0, expired: 0 });
      expect(Math.max(...asked.map(({ waited }) => waited))).toBeLessThanOrEqual(twoCalls);
      expect(asked.at(-1)?.answer).toMatchObject({ generation: 2 });
    });
    await fc.assert(property, { numRuns, ...noShrinking });
  });
});

it("who asks for more than is left while another waits for Smart Services gets the valid token at once", async () => {
  const { connection, clock, ...world } = await startWithToken();
  clock.advance(2400);
  const upstream: Ports["upstream"] = {
    async call() {
      await clock.sleep(5);
      return { kind: "passing", reason: "fake outage", rateLimited: false };
    },
  };
  const asking = world.service({ upstream }).get(connection, { minTtl: 1800 });
  await clock.asleep();

  const answer = await Promise.race([world.service().get(connection, { minTtl: 1800 }), world.quiet()]);

  expect(answer).toMatchObject({ kind: "token", generation: 1 });
  expect(await world.settled(asking)).toMatchObject({ kind: "token", generation: 1 });
});

it("an outage of a fifth of its life fails nobody with a token of 5 minutes, whose sweep may be a minute late", async () => {
  const property = fc.asyncProperty(outages(60), async (outage) => {
    const asked = await liveThroughOutage(300, 60, outage);

    expect(troubles(asked)).toMatchObject({ failures: 0, expired: 0 });
  });
  await fc.assert(property, { numRuns: 6, ...noShrinking });
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
    const asked = await liveThroughOutage(lifetime, minTtl, outage);

    expect(troubles(asked)).toEqual(none);
    expect(asked.at(-1)?.answer.kind === "token" && asked.at(-1)?.answer).not.toMatchObject({ generation: 1 });
  });
  await fc.assert(property, { numRuns: 2, ...noShrinking });
});
