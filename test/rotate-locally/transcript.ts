import type { Labels } from "./operators.ts";

/** Prints a line of what an operator does and sees, where SHOW_TRANSCRIPT=1 asks for it. */
export function note(line: string): void {
  if (process.env["SHOW_TRANSCRIPT"] === "1") process.stdout.write(`${line}\n`);
}

/** Prints the labels of a secret, a version a line. */
export function noteLabels(labels: Labels): void {
  for (const [version, stages] of Object.entries(labels)) note(`    ${version.slice(0, 8)}…  ${stages.join(", ")}`);
}
