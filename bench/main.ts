import { benchColdStart } from "./cold-start.ts";
import { startParts } from "./parts.ts";
import { benchServing } from "./serving.ts";

// Measures the speed that the documentation claims, beside a baseline in the same run. Compare within a table only.
const parts = await startParts();
try {
  const serving = await benchServing(parts);
  print(["getting a token", "median", "99th percentile", "upstream calls"], serving);
  print(["cold start of the token function", "bundle loaded", "first response"], await benchColdStart(parts));
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
