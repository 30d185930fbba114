import type { LineFields, Metrics } from "./log-lines.ts";
import type { MetricName } from "./metrics.ts";
import type { Notice } from "./rules/notice.ts";

interface NoticeTelemetry {
  level: "info" | "warn" | "error";
  /** What the line has besides its metrics and their dimensions. */
  fields: LineFields;
  metrics?: Metrics;
}

/** The log level of a notice, the fields of its line, and its metrics. Nothing is in a line twice. */
export function noticeTelemetry(notice: Notice): NoticeTelemetry {
  const counted = (name: MetricName, code?: string) => ({ values: { [name]: 1 }, code });
  switch (notice.kind) {
    case "upstream_called": {
      const { connection, outcome, grant, durationMs } = notice;
      const values = { UpstreamCalls: 1, UpstreamDuration: durationMs };
      return { level: "info", fields: { connection, outcome }, metrics: { values, code: "any", source: grant } };
    }
    case "replaced": {
      const { connection, generation, progress, by } = notice;
      return {
        level: "info",
        fields: { connection, generation, progress },
        metrics: { values: { Replacements: 1 }, source: by },
      };
    }
    case "replacement_failed": {
      const { connection, reason, failures, code } = notice;
      return { level: "warn", fields: { connection, reason, failures }, metrics: counted("ReplacementFailures", code) };
    }
    case "registration_gone":
      return { level: "warn", fields: fieldsOf(notice), metrics: counted("RegistrationsGone", notice.kind) };
    case "table_unavailable":
    case "secrets_unavailable":
      return { level: "error", fields: fieldsOf(notice), metrics: counted("StoreUnavailable", notice.kind) };
    case "commit_not_written":
      return { level: "error", fields: fieldsOf(notice), metrics: counted("CommitsNotWritten", notice.kind) };
    case "api_key_rotated":
      return { level: "info", fields: fieldsOf(notice), metrics: counted("KeysRotated") };
    case "api_key_retirable":
      return { level: "info", fields: fieldsOf(notice), metrics: counted("KeysRetirable") };
    case "api_key_action_needed":
      return { level: "warn", fields: fieldsOf(notice), metrics: counted("KeyActionsNeeded", notice.reason) };
    case "key_not_retired":
    case "connection_recovered":
      return { level: "info", fields: fieldsOf(notice) };
    case "connection_rejected":
    case "lean_read_failed":
    case "refresh_failed":
    case "registration_warning":
    case "keys_not_maintained":
      return { level: "warn", fields: fieldsOf(notice) };
    case "event_not_sent":
      return { level: "error", fields: fieldsOf(notice) };
  }
}

function fieldsOf<Kind extends Notice>(notice: Kind): Omit<Kind, "kind"> {
  const { kind: _, ...fields } = notice;
  return fields;
}
