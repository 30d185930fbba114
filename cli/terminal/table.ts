import { styleText } from "node:util";

/** Widest line of every table, in characters: a terminal of 80 columns shows it unbroken. */
const width = 80;

export interface Cell {
  text: string;
  paint?: Parameters<typeof styleText>[0];
}

/**
 * Lines of at most 80 characters: columns as wide as their widest cell or its limit, two spaces apart, the last one
 * takes what is left. What does not fit has an ellipsis. Paints only where `colour` is set.
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

/** Ids differ at their ends: they lose their middle. */
function shortened(text: string, wide: number, atEnd: boolean): string {
  const kept = atEnd ? wide - 1 : Math.ceil((wide - 1) / 2);
  return `${text.slice(0, kept)}…${text.slice(text.length - (wide - 1 - kept))}`;
}

/** Cells without colour. */
export const plain = (...texts: string[]): Cell[] => texts.map((text) => ({ text }));

/** Whether stdout shows colours: a terminal, unless NO_COLOR says otherwise (no-color.org). */
export const hasColour = () => process.stdout.isTTY && !process.env["NO_COLOR"];
