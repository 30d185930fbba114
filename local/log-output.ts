import { createWriteStream } from "node:fs";
import type { WriteStream } from "node:tty";
import { describeEntry } from "../console/describe-entry.ts";
import { isShown, type LogFilter } from "../console/log-entry.ts";
import { printable } from "../console/print.ts";
import { parseObject } from "../console/parse-object.ts";

/** Where the lines of the functions go. */
export interface LogOutput {
  show: (line: string) => void;
  /** The run is ready. Before, a terminal shows only failures and what the run itself says. */
  ready: () => void;
}

/**
 * Prints one readable line for each request, replacement and event on a terminal; elsewhere the functions' own lines, which
 * are JSON. A file always gets those.
 */
export function logOutput(stream: NodeJS.WriteStream | WriteStream, logFile?: string): LogOutput {
  let file = logFile === undefined ? undefined : createWriteStream(logFile, { flags: "a" });
  file?.once("error", ({ code }: NodeJS.ErrnoException) => {
    file = undefined;
    stream.write(
      `--log-file ${logFile}: cannot be written (${code}). The run continues, and writes no more lines to it. Free space, or name another file, and start again.\n`,
    );
  });
  const isTerminal = stream.isTTY;
  const colour = isTerminal && !process.env["NO_COLOR"];
  let isReady = false;

  return {
    show(line) {
      file?.write(`${line}\n`);
      const shown = isTerminal ? readable(line, colour, { errors: !isReady }) : line;
      if (shown !== undefined) stream.write(printable(`${shown}\n`));
    },
    ready() {
      isReady = true;
    },
  };
}

/** A line for people; `undefined` for what repeats another line, or says each minute that all is well. Pure. */
export function readable(line: string, colour: boolean, filter: LogFilter = {}): string | undefined {
  const fields = parseObject(line);
  // A stack trace, or a text of the local run.
  if (!fields) return line;
  const { timestamp } = fields;
  const entry = { at: typeof timestamp === "string" ? Date.parse(timestamp) : 0, fields };
  return isShown(entry, filter) ? describeEntry(entry, colour).trimEnd() : undefined;
}
