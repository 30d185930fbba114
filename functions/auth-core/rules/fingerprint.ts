import { createHash } from "node:crypto";
import { type ConnectionId, partitionCount } from "./connection-id.ts";
import type { Secret } from "./secret.ts";

/** SHA-256 of a text, 64 hex digits. */
export function sha256Hex(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** First 16 hex digits of the SHA-256 of a secret. Distinguishes secrets without revealing them. */
export function fingerprint(secret: Secret): string {
  return sha256Hex(secret.reveal()).slice(0, 16);
}

/**
 * Fingerprint of all that an API-key request sends: base URL, username, scope and API key.
 * A refresh token is used only with the credentials that it was issued for.
 */
export function credentialFingerprint(credentials: {
  baseUrl: string;
  username: string;
  scope: string;
  apiKey: Secret;
}): string {
  const { baseUrl, username, scope, apiKey } = credentials;
  // JSON separates the values unambiguously.
  return sha256Hex(JSON.stringify([baseUrl, username, scope, apiKey.reveal()])).slice(0, 16);
}

/** The partition of a connection in the index `due`: 0 to 15. It never changes. */
export function partitionOf(connection: ConnectionId): number {
  return Number.parseInt(sha256Hex(connection).slice(0, 8), 16) % partitionCount;
}
