import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Action, interleave, type Round, type Setting } from "./interleaving.ts";
import { type KeysWorld, startKeysWorld } from "./world.ts";

const day = 86_400;
let world: KeysWorld;

beforeAll(async () => {
  world = await startKeysWorld();
});
afterAll(() => world.close());

const lifetimes = fc.constantFrom<Pick<Setting, "lifetime" | "maxLifetime">[]>(
  { lifetime: 3600 },
  { lifetime: 6 * day },
  { lifetime: 6 * day, maxLifetime: 7200 },
);

/** Rounds of up to three things at once, of which the broker does most. */
function rounds(byHand: Action["do"][], oneLostIn: number): fc.Arbitrary<Round[]> {
  const broker = fc.constantFrom<Action["do"][]>("rotate", "sweep", "get");
  const what = fc.oneof({ weight: 2, arbitrary: broker }, { weight: 2, arbitrary: fc.constantFrom(...byHand) });
  const action: fc.Arbitrary<Action> = fc.record({ do: what, of: fc.constantFrom<(0 | 1)[]>(0, 0, 1) });
  const step = fc.record({
    seconds: fc.oneof({ weight: 12, arbitrary: fc.constant(0) }, fc.constantFrom(1, 6, 16, 61)),
    pick: fc.nat(5),
    isLost: oneLostIn === 0 ? fc.constant(false) : fc.nat(oneLostIn - 1).map((drawn) => drawn === oneLostIn - 1),
  });
  const round = fc.record({
    actions: fc.array(action, { minLength: 1, maxLength: 3 }),
    steps: fc.array(step, { minLength: 20, maxLength: 80, size: "max" }),
    wait: fc.constantFrom(0, 61, 1800, 7261, day, 4 * day, 7 * day + 61),
  });
  return fc.array(round, { minLength: 3, maxLength: 7, size: "max" });
}

const numRuns = 10;

/** Every rule, over orders that are drawn: a failure prints the seed and the path that repeat it. */
async function holds(seed: number, isShared: boolean, drawn: fc.Arbitrary<Round[]>) {
  const run = fc.asyncProperty(lifetimes, drawn, async (of, all) => {
    expect(await interleave(world, { ...of, isShared }, all)).toEqual([]);
  });
  await fc.assert(run, { seed, numRuns });
}

describe.each([1, 20_261_124])("rotations, replacements and an operator in drawn orders over days, seed %i", (seed) => {
  const limit = { timeout: 90_000 };

  it("keep every rule", limit, async () => {
    await holds(seed, false, rounds(["put", "stage", "stage", "goBack", "stageBack"], 0));
  });

  it("keep every rule while calls are lost and keys are bad", limit, async () => {
    await holds(seed, false, rounds(["put", "stage", "stageBad", "goBack"], 15));
  });

  it("keep every rule while secrets are deleted and restored", limit, async () => {
    await holds(seed, false, rounds(["put", "stage", "remove", "restore"], 0));
  });

  it("keep every rule where both connections began with the same key", limit, async () => {
    await holds(seed, true, rounds(["put", "stage", "stage", "goBack"], 30));
  });
});
