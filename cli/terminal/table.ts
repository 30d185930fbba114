import { type Paint, painted, visible } from "../../console/print.ts";

export interface Cell {
  text: string;
  paint?: Paint;
}

/** Whether stdout is a terminal that shows colours: NO_COLOR turns them off (no-color.org). */
export const hasColour = () => process.stdout.isTTY && !process.env["NO_COLOR"];

/** Cells without colour. */
export const plain = (...texts: string[]): Cell[] => texts.map((text) => ({ text }));

/** Formats rows of equally many cells. A column is as wide as its widest cell. Cuts nothing: a terminal wraps a long line. */
export function table(cells: Cell[][], colour = hasColour()): string {
  // A line break in a cell could look like a row.
  const rows = cells.map((row) => row.map((cell) => ({ ...cell, text: visible(cell.text) })));
  const widths = rows[0]?.map((_, at) => Math.max(...rows.map((row) => row[at]?.text.length ?? 0))) ?? [];
  const shown = ({ text, paint }: Cell, at: number) =>
    (paint && colour ? painted(paint, text) : text) + " ".repeat((widths[at] ?? 0) - text.length);
  return rows.map((row) => `${row.map(shown).join("  ").trimEnd()}\n`).join("");
}
