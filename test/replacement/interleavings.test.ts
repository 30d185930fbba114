import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { drawnSteps } from "../support/interleaving.ts";
import type { Action } from "./environment.ts";
import { interleave } from "./interleaving.ts";
import { newStage } from "./stage.ts";

/** Remaining seconds of the stored token at the start of a run. `none`: there is no token. */
const start = fc.constantFrom<(number | "none")[]>("none", -10, 20, 1400);

const asking: fc.Arbitrary<Action>[] = [
  fc.record({ do: fc.constant("get" as const), minTtl: fc.constantFrom(0, 60, 1800) }),
  fc.constantFrom<Action[]>({ do: "reject" }, { do: "sweep" }),
];
const upstreamScenario = fc.record({
  rotates: fc.boolean(),
  sameToken: fc.oneof({ weight: 2, arbitrary: fc.constant(false) }, fc.constant(true)),
  singleActiveToken: fc.boolean(),
  lifetime: fc.constantFrom(300, 3600),
});

/** Generation and lease distinguish two attempts less well if the token stays the same. */
const sameToken = fc.record({
  rotates: fc.constant(true),
  sameToken: fc.constant(true),
  singleActiveToken: fc.constant(false),
  lifetime: fc.constant(3600),
});

const process = fc.array(fc.oneof(...asking), { minLength: 1, maxLength: 2 });
const operator = fc.array(fc.constantFrom<Action[]>({ do: "register" }, { do: "unregister" }, { do: "damage" }), {
  minLength: 1,
  maxLength: 3,
});

const more = fc.oneof(fc.constant(0), fc.nat(15));
const steps = (oneLostIn: number) =>
  drawnSteps({ oneLostIn, seconds: [0.5, 4, 9, 16], weight: 8, more, length: [5, 50] });

/** Checks every rule over drawn orders. A failure prints the seed and the path that repeat it. */
async function holds(
  seed: number,
  processes: fc.Arbitrary<Action[][]>,
  oneLostIn: number,
  scenarios = upstreamScenario,
) {
  const run = fc.asyncProperty(
    scenarios,
    start,
    processes,
    steps(oneLostIn),
    async (drawnScenario, left, actions, order) => {
      const stage = newStage(drawnScenario);
      if (left !== "none") await stage.store(Math.min(left, 0.39 * drawnScenario.lifetime));
      expect(await interleave(stage, actions, order)).toEqual([]);
    },
  );
  await fc.assert(run, { seed, numRuns: 120 });
}

const seeds = [1, 20_261_124];

describe.each(seeds)("replacements in random order with seed %i", (seed) => {
  it("keep every rule in two environments", async () => {
    await holds(seed, fc.tuple(process, process), 0);
  });

  it("keep every rule in three environments", async () => {
    await holds(seed, fc.tuple(process, process, process), 0);
  });

  it("keep every rule if upstream returns the same token with another refresh token", async () => {
    const early = fc.constantFrom<Action[]>({ do: "get", minTtl: 1800 }, { do: "sweep" });
    const keen = fc.array(early, { minLength: 1, maxLength: 2 });
    await holds(seed, fc.tuple(keen, keen, keen), 0, sameToken);
  });

  it("keep every rule if calls and responses are lost", async () => {
    await holds(seed, fc.tuple(process, process, process), 8);
  });

  it("keep every rule while an operator deletes, damages and fixes the secret", async () => {
    await holds(seed, fc.tuple(process, process, operator), 20);
  });
});
