import { painted, visible } from "./print.ts";
import { timeOfDay } from "./time.ts";
import { eventNames, isFailure, type LogEntry } from "./log-entry.ts";

/** One readable line: instant, outcome, connection, and what happened. `now`: milliseconds since 1970. Pure. */
export function describeEntry({ at, fields }: LogEntry, colour: boolean, now = at): string {
  const outcome = outcomeOf(fields).padEnd(5);
  const connection = text(fields["connection"]) || "-";
  const paint = isFailure(fields)
    ? "red"
    : fields["message"] === "request" && fields["code"] === "ok"
      ? "green"
      : "cyan";
  const shown = colour ? painted(paint, outcome) : outcome;
  return `${instantOf(at, now)}  ${shown}  ${connection}  ${whatHappened(fields)}\n`;
}

/** As `describeEntry` for an event, with where the next step is described. */
export function describeEvent({ at, fields }: LogEntry, now: number): string {
  const { message } = fields;
  const page =
    message === "connection_rejected" && typeof fields["reason"] === "string"
      ? `docs/runbook.md#${fields["reason"]}`
      : "docs/events.md";
  const isActionNeeded = message === "connection_rejected" || message === "api_key_action_needed";
  const next = isActionNeeded || message === "api_key_retirable" ? `  See ${page}` : "";
  return `${instantOf(at, now)}  ${text(fields["connection"])}  ${whatHappened(fields)}${next}\n`;
}

const instantOf = (at: number, now: number) => timeOfDay(at / 1000, now / 1000, "seconds");

/** A field as a part of one line: a line break in it could look like another line of the log. */
const text = (value: unknown) => (typeof value === "string" || typeof value === "number" ? visible(String(value)) : "");

/** The HTTP status of a request; else the kind of line. */
function outcomeOf(fields: LogEntry["fields"]): string {
  const { message, status, level } = fields;
  if (message === "request") return text(status);
  if (eventNames.includes(text(message))) return "event";
  return level === "WARN" || level === "ERROR" ? text(level).toLowerCase() : "info";
}

function whatHappened(fields: LogEntry["fields"]): string {
  const { message, code, source, generation, failures, reason, detail, warning } = fields;
  const cause = joined(": ", reason, detail, warning, causeOf(fields["error"]));
  switch (message) {
    case "request":
      return describeRequest(fields, cause);
    case "replaced":
      return `replaced by ${text(source)}, generation ${text(generation)}`;
    case "replacement_failed":
      return `replacement failed, ${text(failures)} in a row: ${text(code)}. ${cause}`;
    default: {
      const key = fields["keyFingerprint"];
      return joined(", ", joined(" ", message, fields["step"]), cause, key === undefined ? "" : `key ${text(key)}`);
    }
  }
}

function describeRequest({ code, source, callerRole, requestId, ...fields }: LogEntry["fields"], cause: string) {
  const duration = text(fields["Duration"]);
  const { service, method, rule, apiStatus, user, origin } = fields;
  // The rule, because the log has no path of a call.
  const isCall = service === "calls";
  const what = isCall ? joined(" ", "call", method, rule) : text(fields["route"]);
  const from = isCall || source === "none" ? "" : ` from ${text(source)}`;
  const caller = text(callerRole).replace(/^arn:[^/]*\//, "");
  return joined(
    ", ",
    `${what}${code === "ok" ? from : `: ${text(code)}`}`,
    apiStatus === undefined ? "" : `API status ${text(apiStatus)}`,
    duration === "" ? "" : `${duration} ms`,
    caller === "" || caller === "unknown" ? "" : `caller ${caller}`,
    user === undefined ? "" : `user ${text(user)}`,
    origin === undefined ? "" : `origin ${text(origin)}`,
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
