import { isCallerKey } from "@smart-token-broker/auth-core/rules/caller-key.ts";
import { type ConnectionId, parseConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { Secret } from "@smart-token-broker/auth-core/rules/secret.ts";

/**
 * The refresh token that a caller with a key receives: its key and the connection of the token. Nothing is stored. The
 * handle is valid as long as the key is, and it is never a refresh token of Smart Services.
 */
export function refreshHandle(connection: ConnectionId, key: Secret): Secret {
  return new Secret(`stbr.${connection}.${key.reveal()}`);
}

/** Reads a refresh handle; `undefined` if the text is not one. Does not check the key. */
export function readRefreshHandle(text: string): { connection: ConnectionId; key: Secret } | undefined {
  const [prefix, id, key = "", ...more] = text.split(".");
  const connection = parseConnectionId(id);
  if (prefix !== "stbr" || !connection || !isCallerKey(key) || more.length > 0) return undefined;
  return { connection, key: new Secret(key) };
}
