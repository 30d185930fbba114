import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { modes } from "./modes.ts";
import { planted, plants } from "./plants.ts";
import type { Entry } from "./history.ts";
import { all, linesOf, run } from "./run.ts";
import { shrink } from "./shrink.ts";
import type { World } from "./world.ts";

describe("The simulation", () => {
  it("makes the same history of the same seed, byte for byte", async () => {
    const [one, other] = [await run(3, "faults"), await run(3, "faults")];

    expect(linesOf(other.world).join("\n")).toBe(linesOf(one.world).join("\n"));
    expect(one.world.faults.length).toBeGreaterThan(0);
  });

  it.each(Object.keys(modes))("keeps every invariant in the mode %s", async (mode) => {
    expect((await run(11, mode)).violations).toEqual([]);
  });
});

const isReport = (entry: Entry) => entry.kind === "act" && entry.text.startsWith("report");

it("Shrinking leaves out every act and fault without which the same invariant breaks", async () => {
  const sentence = "no caller reports a token";
  const judge = ({ entries }: World) => entries.filter(isReport).map(({ at }) => ({ at, sentence, what: "a report" }));

  const shrunk = await shrink(await run(3, "faults", all, judge), 100, judge);

  expect(shrunk).toMatchObject({ violations: [{ sentence }], world: { acts: [expect.any(String)], faults: [] } });
});

it.each(plants)("The planted fault '$name' finds its text once in the source", async (plant) => {
  const source = await readFile(join(import.meta.dirname, "../..", plant.file), "utf8");

  expect(planted(source, plant)).not.toBe(source);
});
