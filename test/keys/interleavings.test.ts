import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { drawnSteps } from "../support/interleaving.ts";
import { type Action, interleave, type Round, type Setting } from "./interleaving.ts";
import { day, useKeysWorld, world } from "./suite.ts";

useKeysWorld();

const lifetimes = fc.constantFrom<Pick<Setting, "lifetime" | "maxLifetime">[]>(
  { lifetime: 3600 },
  { lifetime: 6 * day },
  { lifetime: 6 * day, maxLifetime: 7200 },
);

/** Rounds of up to three concurrent actions, half of them the broker's. */
function rounds(byOperator: Action["do"][], oneLostIn: number): fc.Arbitrary<Round[]> {
  const broker = fc.constantFrom<Action["do"][]>("rotate", "sweep", "get");
  const what = fc.oneof({ weight: 2, arbitrary: broker }, { weight: 2, arbitrary: fc.constantFrom(...byOperator) });
  const action: fc.Arbitrary<Action> = fc.record({ do: what, of: fc.constantFrom<(0 | 1)[]>(0, 0, 1) });
  const round = fc.record({
    actions: fc.array(action, { minLength: 1, maxLength: 3 }),
    steps: drawnSteps({ oneLostIn, seconds: [1, 6, 16, 61], weight: 12, more: fc.constant(0), length: [20, 80] }),
    wait: fc.constantFrom(0, 61, 1800, 7261, day, 4 * day, 7 * day + 61),
  });
  return fc.array(round, { minLength: 3, maxLength: 7, size: "max" });
}

describe.each([1, 20_261_124])("Rotations, replacements and an operator in random order, seed %i", (seed) => {
  it.each<[string, { isShared: boolean; byOperator: Action["do"][]; oneLostIn: number }]>([
    ["over days", { isShared: false, byOperator: ["put", "stage", "stage", "goBack", "stageBack"], oneLostIn: 0 }],
    [
      "while calls are lost and keys are rejected",
      { isShared: false, byOperator: ["put", "stage", "stageBad", "goBack"], oneLostIn: 15 },
    ],
    [
      "while secrets are deleted and restored",
      { isShared: false, byOperator: ["put", "stage", "remove", "restore"], oneLostIn: 0 },
    ],
    [
      "when both connections start with the same key",
      { isShared: true, byOperator: ["put", "stage", "stage", "goBack"], oneLostIn: 30 },
    ],
  ])("keep every rule %s", { timeout: 90_000 }, async (_when, { isShared, byOperator, oneLostIn }) => {
    // A failure prints the seed and the path that repeat it.
    const run = fc.asyncProperty(lifetimes, rounds(byOperator, oneLostIn), async (of, all) => {
      expect(await interleave(world, { ...of, isShared }, all)).toEqual([]);
    });
    await fc.assert(run, { seed, numRuns: 10 });
  });
});
