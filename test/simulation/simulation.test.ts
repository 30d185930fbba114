import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { modes } from "./modes.ts";
import { planted, plants } from "./plants.ts";
import { linesOf, run } from "./run.ts";

describe("The simulation", () => {
  it("makes the same history of the same seed, byte for byte", async () => {
    const [one, other] = [await run(7, "faults"), await run(7, "faults")];

    expect(linesOf(other.world).join("\n")).toBe(linesOf(one.world).join("\n"));
    expect(one.world.faults.length).toBeGreaterThan(0);
  });

  it.each(Object.keys(modes))("keeps every invariant in the mode %s", async (mode) => {
    expect((await run(11, mode)).violations).toEqual([]);
  });
});

it.each(plants)("The planted fault '$name' finds its text once in the source", async (plant) => {
  const source = await readFile(join(import.meta.dirname, "../..", plant.file), "utf8");

  expect(planted(source, plant)).not.toBe(source);
});
