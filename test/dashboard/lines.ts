import { type LogLine, readLogLine } from "../../dashboard/log-line.ts";

export const start = Date.parse("2026-11-24T10:00:00Z") / 1000;

/** A line of the log, `seconds` after the start, as the functions print it. */
export function lineAt(seconds: number, message: string, fields: object = {}, level = "INFO"): LogLine {
  const timestamp = new Date((start + seconds) * 1000).toISOString();
  const line = readLogLine(JSON.stringify({ level, message, timestamp, service: "token", stage: "dev", ...fields }));
  if (!line) throw new Error("That is no line of the log.");
  return line;
}

export const requestAt = (seconds: number, fields: object) =>
  lineAt(seconds, "request", { code: "ok", source: "memory", ...fields });

export const replacedAt = (seconds: number, generation: number, fields: object = {}) =>
  lineAt(seconds, "replaced", {
    connection: "acme",
    source: "refresh_token",
    generation,
    remainingSeconds: 3600,
    ...fields,
  });

export const failedAt = (seconds: number, code = "upstream_unavailable", connection = "acme") =>
  lineAt(seconds, "replacement_failed", { connection, code, reason: "HTTP 503.", failures: 1 }, "WARN");
