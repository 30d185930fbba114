import { styleText } from "node:util";
import { eventNames, isFailure, type LogEntry } from "./entry.ts";

/** One readable line: time of day, outcome, connection, and what happened. The time zone is that of this machine. Pure. */
export function describeEntry({ at, fields }: LogEntry, colour: boolean): string {
  const time = new Date(at).toLocaleTimeString("en-GB");
  const outcome = outcomeOf(fields).padEnd(5);
  const connection = text(fields["connection"]) || "-";
  const paint = isFailure(fields) ? "red" : fields["message"] === "request" ? "green" : "cyan";
  const shown = colour ? styleText(paint, outcome, { validateStream: false }) : outcome;
  return `${time}  ${shown}  ${connection}  ${whatHappened(fields)}\n`;
}

/** As `describeEntry` for an event, with its date, and where the next step is described. */
export function describeEvent({ at, fields }: LogEntry): string {
  const date = new Date(at).toLocaleDateString("en-CA");
  const time = new Date(at).toLocaleTimeString("en-GB");
  const { message } = fields;
  const page =
    message === "connection_rejected" && typeof fields["code"] === "string"
      ? `docs/runbook.md#${fields["code"]}`
      : "docs/events.md";
  const isActionNeeded = message === "connection_rejected" || message === "api_key_action_needed";
  const next = isActionNeeded || message === "api_key_retirable" ? `  See ${page}` : "";
  return `${date} ${time}  ${text(fields["connection"])}  ${whatHappened(fields)}${next}\n`;
}

const text = (value: unknown) => (typeof value === "string" || typeof value === "number" ? String(value) : "");

/** The HTTP status of a request; else the kind of line. */
function outcomeOf(fields: LogEntry["fields"]): string {
  const { message, status, level } = fields;
  if (message === "request") return text(status);
  if (eventNames.includes(text(message))) return "event";
  return level === "WARN" || level === "ERROR" ? text(level).toLowerCase() : "info";
}

function whatHappened(fields: LogEntry["fields"]): string {
  const { message, code, source, by, generation, failures, callerRole, requestId, route } = fields;
  const facts = (...found: (string | undefined)[]) =>
    found.filter((fact) => fact !== undefined && fact !== "").join(", ");
  const reason = ["reason", "detail", "warning"].map((name) => text(fields[name])).find((found) => found !== "");
  switch (message) {
    case "request": {
      // Its name before metrics moved into the line.
      const duration = text(fields["Duration"] ?? fields["durationMs"]);
      const caller = text(callerRole).replace(/^arn:[^/]*\//, "");
      const result = code === "ok" ? `${text(route)} from ${text(source)}` : `${text(route)}: ${text(code)}`;
      return facts(
        result,
        duration && `${duration} ms`,
        caller && caller !== "unknown" ? `caller ${caller}` : "",
        code === "ok" ? "" : facts(reason, `request_id ${text(requestId)}`),
      );
    }
    case "replaced":
      return `replaced by ${text(by)}, generation ${text(generation)}`;
    case "replacement_failed":
      return `replacement failed, ${text(failures)} in a row: ${text(code)}. ${reason ?? ""}`;
    default:
      return facts(
        [text(message), text(code)].filter((part) => part !== "" && part !== "ok").join(" "),
        reason,
        fingerprint(fields),
      );
  }
}

const fingerprint = ({ keyFingerprint }: LogEntry["fields"]) =>
  keyFingerprint === undefined ? "" : `key ${text(keyFingerprint)}`;
