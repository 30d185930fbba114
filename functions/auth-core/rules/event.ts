import type { ConnectionId } from "./connection-id.ts";
import type { FailureCode } from "./failure-catalogue.ts";
import type { KeyActionReason } from "./keys/key-action.ts";

/** Events about keys and connections. Their schemas are in `docs/events.md`. They never contain a key. */
export type BrokerEvent =
  | { kind: "api_key_rotated"; connection: ConnectionId; keyFingerprint: string }
  | { kind: "api_key_retirable"; connection: ConnectionId; keyFingerprint: string; apiKeyId?: string }
  | { kind: "api_key_action_needed"; connection: ConnectionId; reason: KeyActionReason; detail: string }
  | { kind: "connection_rejected"; connection: ConnectionId; code: FailureCode; detail: string }
  | { kind: "connection_recovered"; connection: ConnectionId };
