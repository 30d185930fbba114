import type { LogEntry } from "../../console/log-entry.ts";

/** Reads the log of a deployment. Each call returns the lines that came since the last one, oldest first. */
export interface LogReader {
  /** @param since instant in milliseconds before which no line is read */
  read: (since: number) => Promise<LogEntry[]>;
  /** How often `--follow` reads. */
  everySeconds: number;
}
