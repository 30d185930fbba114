import type { ConnectionId } from "./connection-id.ts";
import type { FailureCode } from "./failure.ts";

/** Events about keys and connections. Their schemas are in `docs/events.md`. They never contain a key. */
export type BrokerEvent =
  | { type: "api_key_rotated"; connection: ConnectionId; keyFingerprint: string }
  | { type: "api_key_retirable"; connection: ConnectionId; keyFingerprint: string; apiKeyId?: string }
  | { type: "api_key_action_needed"; connection: ConnectionId; reason: string; detail: string }
  | { type: "connection_rejected"; connection: ConnectionId; code: FailureCode; detail: string }
  | { type: "connection_recovered"; connection: ConnectionId };
