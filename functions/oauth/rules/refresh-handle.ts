import { type ConnectionId, parseConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { sha256Hex } from "@smart-token-broker/auth-core/rules/fingerprint.ts";
import { timingSafeEqual } from "@smart-token-broker/auth-core/rules/node-crypto.ts";
import { Secret } from "@smart-token-broker/auth-core/rules/secret.ts";
import type { RegisteredNames } from "@smart-token-broker/auth-core/rules/tokens/token-set.ts";

/** `stbr.`, the connection, and 256 random bits in base64url. */
const handlePattern = /^stbr\.([a-z0-9-]{1,63})\.[A-Za-z0-9_-]{43}$/;

/**
 * Makes the refresh token that a caller with a key receives from the vendor's route. It is random: it says nothing about
 * the key, and it is never a refresh token of Smart Services. Throws unless there are 32 random bytes.
 */
export function refreshHandle(connection: ConnectionId, randomBytes: Uint8Array): Secret {
  if (randomBytes.length !== 32) throw new Error("A refresh handle needs 32 random bytes.");
  return new Secret(`stbr.${connection}.${Buffer.from(randomBytes).toString("base64url")}`);
}

/** Reads a refresh handle; `undefined` if the text has another form. Does not check whether it was issued. */
export function readRefreshHandle(text: string): { connection: ConnectionId; handle: Secret } | undefined {
  const connection = parseConnectionId(handlePattern.exec(text)?.[1]);
  return connection && { connection, handle: new Secret(text) };
}

/** Compares in constant time. */
export function isSameHandle(one: Secret, other: Secret): boolean {
  const [first, second] = [one, other].map((handle) => Buffer.from(handle.reveal()));
  return first !== undefined && second?.length === first.length && timingSafeEqual(first, second);
}

/**
 * Names a handle in the table, for a caller key and the names that its token was issued for. It is a hash of the listed
 * hash, so that the table holds no part of the list.
 */
export function handleName(keySha256: string, { username, scope }: RegisteredNames): string {
  return sha256Hex(JSON.stringify([keySha256, username ?? null, scope ?? null])).slice(0, 16);
}
