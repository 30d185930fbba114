import { styleText } from "node:util";
import { eventNames, isFailure, type LogEntry } from "./entry.ts";

/**
 * One readable line: time of day in UTC, outcome, connection, and what happened. With the date if that is not the date of
 * `now` (milliseconds since 1970). Pure.
 */
export function describeEntry({ at, fields }: LogEntry, colour: boolean, now = at): string {
  const outcome = outcomeOf(fields).padEnd(5);
  const connection = text(fields["connection"]) || "-";
  const paint = isFailure(fields) ? "red" : fields["message"] === "request" ? "green" : "cyan";
  const shown = colour ? styleText(paint, outcome, { validateStream: false }) : outcome;
  const date = dateOf(at) === dateOf(now) ? "" : `${dateOf(at)} `;
  return `${date}${timeOf(at)}  ${shown}  ${connection}  ${whatHappened(fields)}\n`;
}

/** As `describeEntry` for an event, with its date, and where the next step is described. */
export function describeEvent({ at, fields }: LogEntry): string {
  const { message } = fields;
  const page =
    message === "connection_rejected" && typeof fields["reason"] === "string"
      ? `docs/runbook.md#${fields["reason"]}`
      : "docs/events.md";
  const isActionNeeded = message === "connection_rejected" || message === "api_key_action_needed";
  const next = isActionNeeded || message === "api_key_retirable" ? `  See ${page}` : "";
  return `${dateOf(at)} ${timeOf(at)}  ${text(fields["connection"])}  ${whatHappened(fields)}${next}\n`;
}

/** `2026-11-24` */
const dateOf = (at: number) => new Date(at).toISOString().slice(0, 10);

/** `12:00:00Z` */
const timeOf = (at: number) => `${new Date(at).toLocaleTimeString("en-GB", { timeZone: "UTC" })}Z`;

const text = (value: unknown) => (typeof value === "string" || typeof value === "number" ? String(value) : "");

/** The HTTP status of a request; else the kind of line. */
function outcomeOf(fields: LogEntry["fields"]): string {
  const { message, status, level } = fields;
  if (message === "request") return text(status);
  if (eventNames.includes(text(message))) return "event";
  return level === "WARN" || level === "ERROR" ? text(level).toLowerCase() : "info";
}

function whatHappened(fields: LogEntry["fields"]): string {
  const { message, code, generation, failures, reason, detail, warning } = fields;
  // Lines of an older version of the functions have `by`, and `durationMs` instead of `Duration`.
  const { source, by = source } = fields;
  const cause = joined(": ", reason, detail, warning, causeOf(fields["error"]));
  switch (message) {
    case "request":
      return describeRequest(fields, cause);
    case "replaced":
      return `replaced by ${text(by)}, generation ${text(generation)}`;
    case "replacement_failed":
      return `replacement failed, ${text(failures)} in a row: ${text(code)}. ${cause}`;
    default: {
      const key = fields["keyFingerprint"];
      return joined(", ", joined(" ", message, fields["step"]), cause, key === undefined ? "" : `key ${text(key)}`);
    }
  }
}

function describeRequest({ code, source, callerRole, requestId, route, ...fields }: LogEntry["fields"], cause: string) {
  const duration = text(fields["Duration"] ?? fields["durationMs"]);
  const caller = text(callerRole).replace(/^arn:[^/]*\//, "");
  return joined(
    ", ",
    `${text(route)}${code === "ok" ? (source === "none" ? "" : ` from ${text(source)}`) : `: ${text(code)}`}`,
    duration === "" ? "" : `${duration} ms`,
    caller === "" || caller === "unknown" ? "" : `caller ${caller}`,
    ...(code === "ok" ? [] : [cause, `request_id ${text(requestId)}`]),
  );
}

/** The error of a bug, without its stack trace. */
function causeOf(error: unknown): string {
  if (typeof error !== "object" || error === null) return "";
  const { name, message } = error as Record<string, unknown>;
  return joined(": ", name, message);
}

/** The texts and numbers that are there, separated. */
const joined = (separator: string, ...parts: unknown[]) =>
  parts
    .map(text)
    .filter((part) => part !== "")
    .join(separator);
