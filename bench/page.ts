import { readFileSync, writeFileSync } from "node:fs";

const path = new URL("../docs/performance.md", import.meta.url);
const [begin, end] = ["<!-- bench: begin -->", "<!-- bench: end -->"];

/** Puts the tables of a run between the marks of docs/performance.md. */
export function writePage(title: string, tables: string[]): void {
  writeFileSync(path, withTables(readFileSync(path, "utf8"), title, tables));
}

/** @throws Error if the page lacks a mark */
export function withTables(page: string, title: string, tables: string[]): string {
  const [before, rest] = page.split(begin);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined) throw new Error(`docs/performance.md lacks ${begin} or ${end}.`);
  return `${before}${begin}\n\nRun of ${title}.\n\n${tables.join("\n")}\n${end}${after}`;
}
