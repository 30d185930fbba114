import type { Comparison, Figure, Goal, Report } from "./figures.ts";

const head = ["figure", "median", "10th to 90th percentile", "compared with", "its median", "ratio", "goal", "reached"];

/** A scenario's report as a heading, a table in Markdown, and its notes. */
export function toMarkdown(name: string, title: string, { figures, notes = [] }: Report): string {
  const rows = figures.flatMap((figure) => rowsOf(figure));
  const table = [head, head.map(() => "---"), ...rows]
    .map((cells) => `|${cells.map((cell) => ` ${cell} `.replace(/^ +$/, " ")).join("|")}|\n`)
    .join("");
  const list = notes.map((note) => `- ${note}\n`).join("");
  return `### ${name}: ${title}\n\n${table}${list && `\n${list}`}`;
}

/** A row for each comparison. */
function rowsOf({ name, unit, median, spread, comparisons }: Figure): string[][] {
  const isExact = spread[0] === spread[1];
  const own = [name, `${format(median)} ${unit}`.trim(), isExact ? "" : `${format(spread[0])} to ${format(spread[1])}`];
  if (comparisons.length === 0) return [[...own, "", "", "", "", ""]];
  return comparisons.map((comparison, index) => [
    ...(index === 0 ? own : [name, "", ""]),
    comparison.baseline,
    `${format(comparison.median)} ${unit}`.trim(),
    comparison.ratio < 0.1 ? format(comparison.ratio) : comparison.ratio.toFixed(2),
    ...verdict(comparison),
  ]);
}

function verdict({ goal, isReached }: Comparison): [string, string] {
  return goal ? [goalText(goal), isReached === true ? "yes" : "**no**"] : ["", ""];
}

function goalText({ atMost, atLeast }: Goal): string {
  return [atLeast !== undefined && `≥ ${atLeast}`, atMost !== undefined && `≤ ${atMost}`].filter(Boolean).join(", ");
}

/** Three significant digits, without an exponent. */
function format(value: number): string {
  if (Number.isInteger(value) || Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en");
  return value !== 0 && Math.abs(value) < 0.001
    ? value.toFixed(6).replace(/0+$/, "")
    : String(Number(value.toPrecision(3)));
}
