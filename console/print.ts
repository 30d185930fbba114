import { randomUUID } from "node:crypto";
import { styleText } from "node:util";

export type Paint = Parameters<typeof styleText>[0];

/** Begins each sequence of a command's own colours. Random, so that no text of others can contain it. */
const ownEscape = `\u001B${randomUUID()}`;

/** A text in a colour, for `printable`. */
export const painted = (paint: Paint, text: string): string =>
  styleText(paint, visible(text), { validateStream: false }).replaceAll("\u001B", ownEscape);

/** Control characters, line breaks too, and marks that reverse text: as in JSON, for example `\u001b`. */
export const visible = (text: string): string => text.replace(/[\p{Cc}\p{Bidi_Control}]/gu, escaped);

const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;

/**
 * What a terminal may get of a text that may contain text of others, which could otherwise control it. Keeps line breaks and
 * the colours of `painted`. JSON keeps its values.
 */
export const printable = (text: string): string =>
  text
    .split(ownEscape)
    .map((part) => part.replace(/[^\n]+/g, visible))
    .join("\u001B");

/** Every command prints with these. */
export const printOut = (text: string): boolean => process.stdout.write(printable(text));
export const printErr = (text: string): boolean => process.stderr.write(printable(text));

/** Moves the cursor home, then clears the terminal: this does not flicker. */
export const clearTerminal = (): boolean => process.stdout.write("\u001B[H\u001B[J");
