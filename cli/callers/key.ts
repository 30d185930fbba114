import { randomBytes } from "node:crypto";
import { callerKey, callerKeyHash } from "@smart-token-broker/auth-core/rules/callers/caller-key.ts";
import { connectionIdRule, parseConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import type { CommandResult } from "../command.ts";
import { CommandError } from "../exit.ts";

/** Throws CommandError for a name that no caller can have. Does not repeat it: it may be a key in the wrong place. */
export function expectCallerName(name: string): void {
  if (!parseConnectionId(name)) throw new CommandError("usage", `Invalid caller name. Use ${connectionIdRule}.`);
}

export function newCallerKey(): { key: string; keySha256: string } {
  const secret = callerKey(randomBytes(32));
  return { key: secret.reveal(), keySha256: callerKeyHash(secret) };
}

/** Creates a caller key and its hash. Shows the key once, and stores nothing. */
export function makeCallerKey(name: string): CommandResult {
  expectCallerName(name);
  const { key, keySha256 } = newCallerKey();
  const text = `key        ${key}
keySha256  ${keySha256}

Keep the key: it is not shown again. Add the hash to keySha256 in the entry ${name} of the list of callers, and change nothing
else there. Deploy, then give the key to ${name}. To replace a key without downtime, list both hashes until the caller uses the
new key. If there is no such entry: npx broker callers add ${name} creates a key and the entry.
`;
  return { text, json: { key, keySha256 } };
}
