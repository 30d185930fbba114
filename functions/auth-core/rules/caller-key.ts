import { type ConnectionId, parseConnectionId } from "./connection-id.ts";
import { sha256Hex } from "./fingerprint.ts";
import { Secret } from "./secret.ts";

/** A caller key: `stb_` and 256 random bits in base64url. Recognisable, so that scanners of repositories find it. */
const keyPattern = /^stb_[A-Za-z0-9_-]{43}$/;

/** A key's bits, 32 of them bytes, as its bearer sees them. */
export function callerKey(randomBytes: Uint8Array): Secret {
  if (randomBytes.length !== 32) throw new Error("A caller key is made of 32 random bytes.");
  return new Secret(`stb_${Buffer.from(randomBytes).toString("base64url")}`);
}

export function isCallerKey(text: string): boolean {
  return keyPattern.test(text);
}

/** What the list of callers knows of a key. */
export function callerKeyHash(key: Secret): string {
  return sha256Hex(key.reveal());
}

/**
 * The refresh token that is handed out for a caller key: the key itself, and the connection it was used for. So it is
 * worth exactly as much as the key and dies with it; nothing is stored, and it is never Smart Services' own.
 */
export function refreshHandle(connection: ConnectionId, key: Secret): Secret {
  return new Secret(`stbr.${connection}.${key.reveal()}`);
}

export function readRefreshHandle(text: string): { connection: ConnectionId; key: Secret } | undefined {
  const [prefix, id, key = "", ...more] = text.split(".");
  const connection = parseConnectionId(id);
  if (prefix !== "stbr" || !connection || !isCallerKey(key) || more.length > 0) return undefined;
  return { connection, key: new Secret(key) };
}
