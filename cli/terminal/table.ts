import { type Paint, painted, visible } from "../../console/print.ts";

export interface Cell {
  text: string;
  paint?: Paint;
}

export interface TableStyle {
  /** Columns of the terminal. Infinity: lines have any length, for a pipe. */
  width: number;
  colour: boolean;
}

/** The style for stdout: a terminal has a width, and colours unless NO_COLOR is set (no-color.org). */
export function outputStyle(): TableStyle {
  const { isTTY, columns } = process.stdout;
  return { width: isTTY ? Math.max(columns || 80, 20) : Number.POSITIVE_INFINITY, colour: hasColour() };
}

export const hasColour = () => process.stdout.isTTY && !process.env["NO_COLOR"];

/** Cells without colour. */
export const plain = (...texts: string[]): Cell[] => texts.map((text) => ({ text }));

/** The last column wraps in its place only if it has this much room. */
const leastRoom = 16;

/**
 * Formats rows. A column is as wide as its widest cell, or as its limit if the rows do not fit; two spaces separate columns.
 * Cuts nothing: what does not fit continues on the next line.
 */
export function table(cells: Cell[][], limits: number[], style: TableStyle): string {
  // A line break in a cell could look like a row.
  const rows = cells.map((row) => row.map((cell) => ({ ...cell, text: visible(cell.text) })));
  const widest = [...limits, 0].map((_, at) => Math.max(...rows.map((row) => row[at]?.text.length ?? 0)));
  const doesFit = widest.reduce((sum, width) => sum + width + 2, -2) <= style.width;
  const widths = limits.map((limit, at) => Math.min(widest[at] ?? 0, doesFit ? Number.POSITIVE_INFINITY : limit));
  const columns = [0];
  for (const width of widths) columns.push((columns.at(-1) ?? 0) + width + 2);
  return rows.flatMap((row) => linesOf(row, columns, style)).join("");
}

/** The lines of one row. `columns` has the position at which each cell starts. */
function linesOf(row: Cell[], columns: number[], { width, colour }: TableStyle): string[] {
  const lines = [""];
  let used = 0;
  let isOffGrid = false;
  const write = (text: string, shown = text) => {
    lines.push(`${lines.pop() ?? ""}${shown}`);
    used += text.length;
  };
  const moveTo = (position: number, isNewLine: boolean) => {
    if (isNewLine) {
      lines.push("");
      used = 0;
    }
    write(" ".repeat(position - used));
  };
  for (const [at, { text, paint }] of row.entries()) {
    const column = isOffGrid ? used + 2 : (columns[at] ?? 0);
    const needed = at === row.length - 1 ? Math.min(leastRoom, text.length) : text.length;
    const isFirst = at === 0;
    if (!isFirst && column + needed > width) {
      isOffGrid = true;
      moveTo(2, true);
    } else {
      // An overlong cell reaches into this column, which continues below it.
      moveTo(column, !isFirst && used + 2 > column);
    }
    const start = used;
    for (const [index, part] of wrapped(text, width - start).entries()) {
      if (index > 0) moveTo(start, true);
      write(part, paint && colour ? painted(paint, part) : part);
    }
  }
  return lines.map((line) => `${line.trimEnd()}\n`);
}

/** Breaks a text at its spaces into parts of at most `width` characters. A longer word stays whole: people copy it. */
function wrapped(text: string, width: number): string[] {
  const parts: string[] = [];
  for (const word of text.split(" ")) {
    const last = parts.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) parts.push(`${parts.pop() ?? ""} ${word}`);
    else parts.push(word);
  }
  return parts;
}
