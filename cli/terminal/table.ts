import { styleText } from "node:util";

/** Widest line of every table, in characters: a terminal of 80 columns shows it unbroken. */
const width = 80;

export interface Cell {
  text: string;
  paint?: Parameters<typeof styleText>[0];
}

/**
 * Lines of at most 80 characters: columns as wide as their widest cell or its limit, two spaces apart, the last one
 * takes what is left. What does not fit ends with an ellipsis. Paints only where `colour` is set.
 */
export function table(rows: Cell[][], limits: number[], colour: boolean): string {
  const widths = limits.map((limit, at) => Math.min(limit, Math.max(...rows.map((row) => row[at]?.text.length ?? 0))));
  const lines = rows.map((row) => {
    let used = 0;
    const cells = row.map(({ text, paint }, at) => {
      const isLast = at === row.length - 1;
      const wide = isLast ? width - used : (widths[at] ?? 0);
      used += wide + 2;
      const fitted = text.length > wide ? `${text.slice(0, wide - 1)}…` : isLast ? text : text.padEnd(wide);
      return paint && colour ? styleText(paint, fitted, { validateStream: false }) : fitted;
    });
    return cells.join("  ").trimEnd();
  });
  return `${lines.join("\n")}\n`;
}

/** Cells without colour. */
export const plain = (...texts: string[]): Cell[] => texts.map((text) => ({ text }));

/** Whether stdout shows colours: a terminal, unless NO_COLOR says otherwise (no-color.org). */
export const hasColour = () => process.stdout.isTTY && !process.env["NO_COLOR"];
