import type { MetricName } from "./metrics.ts";
import type { Notice } from "./rules/notice.ts";

interface NoticeTelemetry {
  level: "info" | "warn" | "error";
  /** Metrics to emit, with these dimensions. */
  values?: Partial<Record<MetricName, number>>;
  code?: string;
  source?: string;
}

/** The log level of a notice, and its metrics. */
export function noticeTelemetry(notice: Notice): NoticeTelemetry {
  switch (notice.kind) {
    case "upstream_called": {
      const values = { UpstreamCalls: 1, UpstreamDuration: notice.durationMs };
      return { level: "info", values, code: "any", source: notice.grant };
    }
    case "replaced":
      return { level: "info", values: { Replacements: 1 }, source: notice.by };
    case "replacement_failed":
      return { level: "warn", values: { ReplacementFailures: 1 }, code: notice.code };
    case "registration_gone":
      return { level: "warn", values: { RegistrationsGone: 1 }, code: notice.kind };
    case "table_unavailable":
    case "secrets_unavailable":
      return { level: "error", values: { StoreUnavailable: 1 }, code: notice.kind };
    case "commit_not_written":
      return { level: "error", values: { CommitsNotWritten: 1 }, code: notice.kind };
    case "api_key_rotated":
      return { level: "info", values: { KeysRotated: 1 } };
    case "api_key_retirable":
      return { level: "info", values: { KeysRetirable: 1 } };
    case "api_key_action_needed":
      return { level: "warn", values: { KeyActionsNeeded: 1 }, code: notice.reason };
    case "key_not_retired":
    case "connection_recovered":
      return { level: "info" };
    case "connection_rejected":
    case "lean_read_failed":
    case "refresh_failed":
    case "registration_warning":
    case "keys_not_maintained":
      return { level: "warn" };
    case "event_not_sent":
      return { level: "error" };
  }
}
