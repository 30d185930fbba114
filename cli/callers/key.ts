import { randomBytes } from "node:crypto";
import { callerKey, callerKeyHash } from "@smart-token-broker/auth-core/rules/caller-key.ts";
import { connectionIdRule, parseConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import type { CommandResult } from "../command.ts";
import { CommandError } from "../exit.ts";

/** A fresh caller key and its hash. The key is shown here and nowhere else, and nothing is stored. */
export function makeCallerKey(name: string): CommandResult {
  if (!parseConnectionId(name)) throw new CommandError("usage", `A caller's name must be ${connectionIdRule}.`);
  const secret = callerKey(randomBytes(32));
  const key = secret.reveal();
  const keySha256 = callerKeyHash(secret);
  const text = `key        ${key}
keySha256  ${keySha256}

Give the key to ${name}: it is shown only now. Put the hash into the caller's entry in the list of callers and deploy:
  {"name": "${name}", "connections": ["…"], "keySha256": ["${keySha256}"]}
To replace a key without a gap, have both hashes in the list until the caller has changed over.
`;
  return { text, json: { key, keySha256 } };
}
