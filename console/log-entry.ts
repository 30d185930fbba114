/** A line of a function's log. */
export interface LogEntry {
  /** Instant in milliseconds. */
  at: number;
  fields: Record<string, unknown>;
}

/** Which lines to show. */
export interface LogFilter {
  connection?: string;
  /** Only failures. */
  errors?: boolean;
  /** Only events of docs/events.md. */
  events?: boolean;
}

/** The notices that are events too: EventBridge keeps none, so the log is where they can be read. */
export const eventNames = [
  "api_key_rotated",
  "api_key_retirable",
  "api_key_action_needed",
  "connection_rejected",
  "connection_recovered",
];

/** Lines that repeat what another line says, or say each minute that all is well. */
const repeated = new Set(["upstream_called", "sweep", "credentials"]);

/** Warnings of one failed attempt that `replacement_failed` reports: of its refresh token before it, as an event after it. */
const alsoReported = new Set(["refresh_failed", "connection_rejected"]);

/** Codes of requests that are no failure. `api_4xx`: the business API answered a call with 4xx, and the broker did its part. */
const noFailures: unknown[] = ["ok", "api_4xx"];

/** Whether a line is of a failure: a request that got an error, or a warning. */
export function isFailure({ message, code, level }: LogEntry["fields"]): boolean {
  if (message === "request") return !noFailures.includes(code);
  return level === "WARN" || level === "ERROR";
}

/**
 * Whether the filter shows a line. Leaves out requests of the doctor, and answers of the status routes, which operators and
 * pages poll, also for a connection that does not exist; failures of the broker are shown. Pure.
 */
export function isShown({ fields }: LogEntry, { connection, errors, events }: LogFilter): boolean {
  const { message, route, status } = fields;
  if (typeof message !== "string") return false;
  if (connection !== undefined && fields["connection"] !== connection) return false;
  if (events) return eventNames.includes(message);
  if (fields["check"] === "doctor") return false;
  const isOfStatusRoute = typeof route === "string" && route.startsWith("GET /v1/status");
  if (isOfStatusRoute && !(typeof status === "number" && status >= 500)) return false;
  if (isFailure(fields)) return !(errors && alsoReported.has(message));
  return !(errors || repeated.has(message));
}

const platform = '$.type = "platform.*"';

/**
 * A line of Lambda itself, about a timeout or a crash, in the form of the functions' lines; any other line as it is. The
 * functions are deployed so that Lambda writes none about an invocation that succeeds. Pure.
 *
 * Source: AWS Lambda Developer Guide, 'Lambda Telemetry API Event schema reference'
 */
export function fromLambda(fields: LogEntry["fields"]): LogEntry["fields"] {
  const { type, record } = fields;
  if (typeof type !== "string" || !type.startsWith("platform.")) return fields;
  const { requestId, status, errorType } = (record ?? {}) as Record<string, unknown>;
  return { ...fields, level: "WARN", message: type, reason: status, detail: errorType, requestId };
}

/**
 * The same filter in CloudWatch's language, which is less exact: `isShown` still applies.
 *
 * Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
 */
export function filterPattern({ connection, errors, events }: LogFilter): string {
  const named = (names: string[]) => names.map((name) => `$.message = "${name}"`).join(" || ");
  const which = events
    ? `(${named(eventNames)})`
    : errors
      ? `($.level = "WARN" || $.level = "ERROR" || ${platform} || ($.message = "request" && ${noFailures.map((code) => `$.code != "${String(code)}"`).join(" && ")}))`
      : `($.message = "*" || ${platform})`;
  return connection === undefined ? `{ ${which} }` : `{ ${which} && $.connection = "${connection}" }`;
}
