import type { ConnectionId } from "./connection-id.ts";
import type { FailureCode } from "./failure.ts";

/** The events, of keys and of connections, each with what it is about; their schemas are in `docs/events.md`. No key is in them. */
export type BrokerEvent =
  | { type: "api_key_rotated"; connection: ConnectionId; keyFingerprint: string }
  | { type: "api_key_retirable"; connection: ConnectionId; keyFingerprint: string; apiKeyId?: string }
  | { type: "api_key_action_needed"; connection: ConnectionId; reason: string; detail: string }
  | { type: "connection_rejected"; connection: ConnectionId; code: FailureCode; detail: string }
  | { type: "connection_recovered"; connection: ConnectionId };
