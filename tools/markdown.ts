/** The rows of a table, the head first. */
export function table(head: string[], rows: string[][]): string {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/**
 * Replaces what is between the marks of a generated part.
 *
 * @throws Error if the page lacks a mark
 */
export function withSection(page: string, name: string, text: string): string {
  const [begin, end] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`];
  const [before, rest] = page.split(begin);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined) throw new Error(`The page lacks ${begin} or ${end}.`);
  return `${before}${begin}\n\n${text}\n\n${end}${after}`;
}
