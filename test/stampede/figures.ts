import type { ProcessAnswer } from "./process.ts";

/** With SHOW_FIGURES=1, prints what a stampede cost, and how many milliseconds callers waited. */
export function showFigures(name: string, environments: number, upstreamCalls: number, answers: ProcessAnswer[]): void {
  if (process.env["SHOW_FIGURES"] !== "1") return;
  const waits = answers.map(({ waited }) => waited).toSorted((one, other) => one - other);
  const median = Math.round(waits[Math.floor(waits.length / 2)] ?? 0);
  const worst = Math.round(waits.at(-1) ?? 0);
  console.log(
    `${name}: ${answers.length} callers, ${environments} environments, ${upstreamCalls} upstream calls, ` +
      `median wait ${median} ms, worst ${worst} ms`,
  );
}
