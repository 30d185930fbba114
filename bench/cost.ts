import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { countOperations } from "./cost/count.ts";
import { bills, costSection, end, type PriceList, start } from "./cost/page.ts";

const root = join(import.meta.dirname, "..");
const page = join(root, "docs/cost.md");

/** The dated list prices. */
export const readPrices = () =>
  JSON.parse(readFileSync(join(import.meta.dirname, "cost/prices.json"), "utf8")) as PriceList;

/** Counts what AWS charges, and writes the counts and the bill: `bench/cost/counts.json` and docs/cost.md. */
export async function benchCost(): Promise<string[][]> {
  const counts = await countOperations();
  writeFileSync(join(import.meta.dirname, "cost/counts.json"), `${JSON.stringify(counts, null, 2)}\n`);
  const prices = readPrices();
  const text = readFileSync(page, "utf8");
  const [before, after] = [text.indexOf(start), text.indexOf(end)];
  if (before < 0 || after < 0) throw new Error(`docs/cost.md has no markers. Add the lines ${start} and ${end}.`);
  writeFileSync(page, text.slice(0, before) + costSection(counts, prices) + text.slice(after + end.length));
  return bills(counts, prices).map(({ connections, rate, total, perMillion }) => [
    `${connections} connections, ${rate} requests/s`,
    `${total.toFixed(2)} $`,
    perMillion === undefined ? "-" : `${perMillion.toFixed(2)} $`,
  ]);
}
