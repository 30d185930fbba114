import type { ConnectionId } from "./connection-id.ts";

/** The events, each with what it is about; their schemas are in `docs/events.md`. No key is in them. */
export type KeyEvent =
  | { type: "api_key_rotated"; connection: ConnectionId; keyFingerprint: string }
  | { type: "api_key_retirable"; connection: ConnectionId; keyFingerprint: string; apiKeyId?: string }
  | { type: "api_key_action_needed"; connection: ConnectionId; reason: string; detail: string };
