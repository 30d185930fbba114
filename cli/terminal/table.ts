import { styleText } from "node:util";

/** Characters of the longest line: a terminal of 80 columns shows it unbroken. */
const width = 80;

export interface Cell {
  text: string;
  paint?: Parameters<typeof styleText>[0];
}

/**
 * Formats lines of at most 80 characters. A column is as wide as its widest cell or its limit, two spaces separate
 * columns, and the last one takes the rest. An ellipsis marks what does not fit. Without `colour` nothing is painted.
 */
export function table(rows: Cell[][], limits: number[], colour: boolean): string {
  const widths = limits.map((limit, at) => Math.min(limit, Math.max(...rows.map((row) => row[at]?.text.length ?? 0))));
  const lines = rows.map((row) => {
    let used = 0;
    const cells = row.map(({ text, paint }, at) => {
      const isLast = at === row.length - 1;
      const wide = isLast ? width - used : (widths[at] ?? 0);
      used += wide + 2;
      const fitted = text.length > wide ? shortened(text, wide, isLast) : isLast ? text : text.padEnd(wide);
      return paint && colour ? styleText(paint, fitted, { validateStream: false }) : fitted;
    });
    return cells.join("  ").trimEnd();
  });
  return `${lines.join("\n")}\n`;
}

/** Cuts the middle out of an id, because ids differ at their ends. */
function shortened(text: string, wide: number, atEnd: boolean): string {
  const kept = atEnd ? wide - 1 : Math.ceil((wide - 1) / 2);
  return `${text.slice(0, kept)}…${text.slice(text.length - (wide - 1 - kept))}`;
}

/** Cells without colour. */
export const plain = (...texts: string[]): Cell[] => texts.map((text) => ({ text }));

/** Whether stdout shows colours: it is a terminal, and NO_COLOR is not set (no-color.org). */
export const hasColour = () => process.stdout.isTTY && !process.env["NO_COLOR"];
