import type { ConnectionId } from "./connection-id.ts";
import type { KeyActionReason } from "./keys/key-action.ts";
import type { UpstreamRequest } from "./upstream/upstream-request.ts";
import type { UpstreamResult } from "./upstream/upstream-response.ts";

/** What happened, for the log and the metrics. Each kind is one log message. */
export type Notice =
  | { kind: "commit_not_written"; connection: ConnectionId; reason: string }
  | { kind: "table_unavailable"; connection?: ConnectionId; reason: string }
  | { kind: "lean_read_failed"; connection?: ConnectionId; reason: string }
  | { kind: "secrets_unavailable"; connection: ConnectionId; reason: string }
  | { kind: "registration_warning"; connection: ConnectionId; warning: string }
  | {
      kind: "upstream_called";
      connection?: ConnectionId;
      grant: UpstreamRequest["grant"];
      outcome: UpstreamResult["kind"];
      durationMs: number;
    }
  | {
      kind: "replaced";
      connection: ConnectionId;
      by: "api_key" | "refresh_token";
      generation: number;
      /** Whole seconds that the access token lasts from now. */
      remainingSeconds: number;
      progress: boolean;
    }
  | { kind: "replacement_failed"; connection: ConnectionId; code: string; reason: string; failures: number }
  | { kind: "connection_rejected"; connection: ConnectionId; reason: string; detail: string }
  | { kind: "connection_recovered"; connection: ConnectionId }
  | { kind: "refresh_failed"; connection: ConnectionId; reason: string }
  | { kind: "registration_gone"; connection: ConnectionId }
  | { kind: "event_not_sent"; connection: ConnectionId; reason: string }
  | { kind: "api_key_rotated"; connection: ConnectionId; keyFingerprint: string }
  | { kind: "api_key_retirable"; connection: ConnectionId; keyFingerprint: string }
  | { kind: "key_not_retired"; connection: ConnectionId; keyFingerprint: string; reason: string }
  | { kind: "keys_not_maintained"; connection: ConnectionId; reason: string }
  | { kind: "api_key_action_needed"; connection: ConnectionId; reason: KeyActionReason; detail: string };
