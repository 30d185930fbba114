import { benchColdStart, coldStartHead } from "./cold-start.ts";
import { benchCost } from "./cost.ts";
import { startParts } from "./parts.ts";
import { benchServing } from "./serving.ts";

// Measures the speed that the documentation claims, beside baselines in the same run. Compare within a table only.
// `npm run bench -- cold` measures the cold start alone. `npm run bench -- cost` counts what AWS charges, and writes docs/cost.md.
if (process.argv[2] === "cost") {
  print(["a month in dollars", "total", "a million tokens"], await benchCost());
  process.exit(0);
}
const parts = await startParts();
try {
  if (process.argv[2] !== "cold") {
    print(["getting a token", "median", "99th percentile", "upstream calls"], await benchServing(parts));
  }
  for (const { protocol, rows } of await benchColdStart(parts))
    print([`cold start, ${protocol}`, ...coldStartHead], rows);
} finally {
  await parts.close();
}
process.exit(0);

function print(head: string[], rows: string[][]): void {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)));
  for (const row of [head, ...rows]) {
    const cells = row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
    );
    process.stdout.write(`${cells.join("   ")}\n`);
  }
  process.stdout.write("\n");
}
