/** Version → its staging labels, in their order. */
export type Labels = Record<string, string[]>;

/** Prints what an operator does and sees, if SHOW_TRANSCRIPT is 1. */
export function note(line: string): void {
  if (process.env["SHOW_TRANSCRIPT"] === "1") process.stdout.write(`${line}\n`);
}

/** Prints the labels of a secret, one line for each version. */
export function noteLabels(labels: Labels): void {
  for (const [version, stages] of Object.entries(labels)) note(`    ${version.slice(0, 8)}…  ${stages.join(", ")}`);
}
