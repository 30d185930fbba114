import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { figureOf, type Report } from "./figures.ts";
import { countOperations } from "./cost/count.ts";
import { withSection } from "../tools/markdown.ts";
import { bills, costSection, type PriceList } from "./cost/page.ts";

const root = join(import.meta.dirname, "..");
const page = join(root, "docs/cost.md");

/** The dated list prices. */
export const readPrices = () =>
  JSON.parse(readFileSync(join(import.meta.dirname, "cost/prices.json"), "utf8")) as PriceList;

/** Counts what AWS charges, and writes the counts and the bill: `bench/cost/counts.json` and docs/cost.md. */
export async function cost(): Promise<Report> {
  const counts = await countOperations();
  writeFileSync(join(import.meta.dirname, "cost/counts.json"), `${JSON.stringify(counts, null, 2)}\n`);
  const prices = readPrices();
  writeFileSync(page, withSection(readFileSync(page, "utf8"), "cost", costSection(counts, prices)));
  const figures = bills(counts, prices).flatMap(({ connections, rate, total, perMillion }) => {
    const name = `${connections} connections, ${rate} requests/s`;
    const month = figureOf(`${name}: a month`, "$", [total]);
    if (perMillion === undefined) return [month];
    const target = connections === 1 && rate === 100 ? [{ name: "goal", values: [1.9], goal: { atMost: 1 } }] : [];
    return [month, figureOf(`${name}: a million tokens`, "$", [perMillion], ...target)];
  });
  return { figures };
}
