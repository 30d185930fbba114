import { createHash } from "./node-crypto.ts";
import type { Secret } from "./secret.ts";

/** SHA-256 of a text, 64 hex digits. */
export function sha256Hex(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** First 16 hex digits of the SHA-256 of a secret. Distinguishes secrets without revealing them. */
export function fingerprint(secret: Secret): string {
  let hash = known.get(secret);
  if (hash === undefined) {
    hash = sha256Hex(secret.reveal()).slice(0, 16);
    known.set(secret, hash);
  }
  return hash;
}

/** A token is served from memory many times, and each response logs its fingerprint. */
const known = new WeakMap<Secret, string>();

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
