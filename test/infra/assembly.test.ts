import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { synthesise, synthesiseAgain } from "./synth.ts";

const { outdir } = synthesise();

test("The same sources give the same templates and assets", () => {
  const again = synthesiseAgain();

  const hashes = (folder: string) =>
    readdirSync(folder)
      .filter((name) => name.endsWith(".assets.json"))
      .map((name) => [name, Object.keys(JSON.parse(readFileSync(join(folder, name), "utf8")).files)]);

  expect(hashes(again.outdir)).toEqual(hashes(outdir));
  expect(hashes(outdir).flat(2).length).toBeGreaterThan(4);
});
