import { type ConnectionId, parseConnectionId } from "./connection-id.ts";
import { sha256Hex } from "./fingerprint.ts";
import { Secret } from "./secret.ts";

/** A caller key: `stb_` and 256 random bits in base64url. The prefix lets secret scanners find leaked keys. */
const keyPattern = /^stb_[A-Za-z0-9_-]{43}$/;

/** Formats 32 random bytes as a caller key. */
export function callerKey(randomBytes: Uint8Array): Secret {
  if (randomBytes.length !== 32) throw new Error("A caller key needs exactly 32 random bytes.");
  return new Secret(`stb_${Buffer.from(randomBytes).toString("base64url")}`);
}

export function isCallerKey(text: string): boolean {
  return keyPattern.test(text);
}

/** The hash of a key, as the list of callers stores it. */
export function callerKeyHash(key: Secret): string {
  return sha256Hex(key.reveal());
}

/**
 * The refresh token for a caller key: the key itself and the connection that it was used for. It grants exactly what the
 * key grants and is revoked with it. Nothing is stored, and it is never a refresh token of Smart Services.
 */
export function refreshHandle(connection: ConnectionId, key: Secret): Secret {
  return new Secret(`stbr.${connection}.${key.reveal()}`);
}

/** Reads a refresh token of `refreshHandle`; `undefined` for any other text. */
export function readRefreshHandle(text: string): { connection: ConnectionId; key: Secret } | undefined {
  const [prefix, id, key = "", ...more] = text.split(".");
  const connection = parseConnectionId(id);
  if (prefix !== "stbr" || !connection || !isCallerKey(key) || more.length > 0) return undefined;
  return { connection, key: new Secret(key) };
}
