import { createHash } from "node:crypto";
import { type ConnectionId, partitionCount } from "./connection-id.ts";
import type { Secret } from "./secret.ts";

/** SHA-256 of a text, as 64 hex digits. */
export function sha256Hex(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** First 16 hex digits of the SHA-256 of a secret: tells two apart, and gives neither away. */
export function fingerprint(secret: Secret): string {
  return sha256Hex(secret.reveal()).slice(0, 16);
}

/**
 * Fingerprint of everything that an exchange presents: base URL, username, scope and API key together.
 * Two registrations with the same one are interchangeable upstream; a refresh token is only used with its own.
 */
export function credentialFingerprint(of: {
  baseUrl: string;
  username: string;
  scope: string;
  apiKey: Secret;
}): string {
  // JSON, so that no value can end where the next one starts.
  return sha256Hex(JSON.stringify([of.baseUrl, of.username, of.scope, of.apiKey.reveal()])).slice(0, 16);
}

/** The partition of a connection in the index `due`: 0 to 15, the same for ever. */
export function partitionOf(connection: ConnectionId): number {
  return Number.parseInt(sha256Hex(connection).slice(0, 8), 16) % partitionCount;
}
