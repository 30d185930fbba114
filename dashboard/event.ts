import { type KeyActionReason, keyActions } from "@smart-token-broker/auth-core/rules/keys/key-action.ts";
import type { DashboardEvent } from "./contract.ts";
import { type LogLine, numberField, textField } from "./log-line.ts";

/**
 * The entry of the feed for a line of the log; `undefined` for a line that is no notice, such as a request. It shows the
 * `reason` or `detail` of a notice, which hold no secret.
 */
export function eventOf(line: LogLine): DashboardEvent | undefined {
  const text = describe(line);
  if (text === undefined) return undefined;
  const connection = textField(line, "connection");
  const runbook = runbookOf(line);
  return {
    at: line.at,
    level: line.level === "ERROR" ? "error" : line.level === "WARN" ? "warn" : "info",
    kind: line.message,
    ...(connection !== undefined && { connection }),
    text,
    ...(runbook !== undefined && { runbook }),
  };
}

function describe(line: LogLine): string | undefined {
  const field = (name: string) => textField(line, name) ?? "";
  switch (line.message) {
    case "replaced":
      return `New token, generation ${numberField(line, "generation") ?? "unknown"}, by ${grantInWords(grantOf(line))}.`;
    case "replacement_failed":
      return `Replacement failed: ${field("reason")}`;
    case "refresh_failed":
      return `The refresh token did not work: ${field("reason")}. The API key is next.`;
    case "api_key_rotated":
      return `API key rotated. The new key is ${field("keyFingerprint")}.`;
    case "api_key_retirable":
      return `No token depends on the API key ${field("keyFingerprint")} any more. Revoke it at the vendor.`;
    case "api_key_action_needed":
      return field("detail");
    case "connection_rejected":
      return field("detail");
    case "connection_recovered":
      return "Works again.";
    case "registration_gone":
      return "The secret does not exist any more. The tokens were deleted.";
    case "commit_not_written":
      return `A new token could not be stored: ${field("reason")}. It was served.`;
    case "table_unavailable":
      return `The table is unavailable: ${field("reason")}`;
    case "secrets_unavailable":
      return `Secrets Manager is unavailable: ${field("reason")}`;
    case "registration_warning":
      return field("warning");
    case "event_not_sent":
    case "keys_not_maintained":
    case "key_not_retired":
      return `${line.message.replaceAll("_", " ")}: ${field("reason")}`;
    case "internal error":
      return "Internal error of the broker. The log has the stack trace.";
    default:
      return undefined;
  }
}

/** The grant of a `replaced` line: its metric's dimension. */
export const grantOf = (line: LogLine): string => textField(line, "source") ?? "unknown";

const grantInWords = (grant: string) => (grant === "api_key" ? "API key" : "refresh token");

const sections: Record<string, string> = {
  registration_gone: "registration-gone",
  commit_not_written: "commits-not-written",
  table_unavailable: "store-unavailable",
  secrets_unavailable: "store-unavailable",
  "internal error": "internal-errors",
};

/** The runbook has a section for each alarm and for each error code. */
function runbookOf(line: LogLine): string | undefined {
  if (line.message === "replacement_failed") return textField(line, "code");
  if (line.message === "connection_rejected") return textField(line, "reason");
  if (line.message !== "api_key_action_needed") return sections[line.message];
  const reason = textField(line, "reason") ?? "";
  return Object.hasOwn(keyActions, reason) ? keyActions[reason as KeyActionReason].alarm : "key-rotation-failed";
}
