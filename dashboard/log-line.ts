import { parseObject } from "../console/parse-object.ts";

/** A line of a function's log with its instant. Metrics without a message are not lines. */
export interface LogLine {
  /** Epoch seconds. */
  at: number;
  message: string;
  level: string;
  fields: Record<string, unknown>;
}

/** Reads a line of a function's log; `undefined` for metrics alone, stack traces and what is not JSON. */
export function readLogLine(text: string): LogLine | undefined {
  const fields = parseObject(text);
  const { message, level = "INFO", timestamp, _aws: metrics } = fields ?? {};
  if (!fields || typeof message !== "string" || typeof level !== "string") return undefined;
  const milliseconds =
    typeof timestamp === "string" || typeof timestamp === "number"
      ? new Date(timestamp).getTime()
      : Number((metrics as { Timestamp?: unknown } | undefined)?.Timestamp);
  return Number.isFinite(milliseconds) ? { at: milliseconds / 1000, message, level, fields } : undefined;
}

/** A field that is a text; else `undefined`. */
export function textField({ fields }: LogLine, name: string): string | undefined {
  const value = fields[name];
  return typeof value === "string" ? value : undefined;
}

/** A field that is a finite number; else `undefined`. */
export function numberField({ fields }: LogLine, name: string): number | undefined {
  const value = fields[name];
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}
