import * as v from "valibot";
import type { ConnectionId } from "../connection-id.ts";
import { type CallerKind, type CommonFields, onlyConnections, text } from "./caller-kind.ts";

/** Authenticates with a random key. The list has only its hash. */
export interface KeyCaller extends CommonFields {
  kind: "key";
  connections: ConnectionId[];
  /** SHA-256 in hex; two hashes while a key is being replaced. */
  keySha256: string[];
}

const schema = v.pipe(
  v.array(
    v.pipe(
      text("keySha256: a hash"),
      v.regex(/^[0-9a-f]{64}$/, "keySha256: every hash must be 64 lower-case hex digits"),
    ),
    "keySha256 must be a list",
  ),
  v.minLength(1, "keySha256 is empty"),
  v.maxLength(2, "keySha256 has more than two hashes; list the current key and its replacement"),
  v.checkItems((hash, index, all) => all.indexOf(hash) === index, "keySha256 has a duplicate hash"),
  v.description("SHA-256 of the caller key, and of its replacement."),
);

export const keyCallers: CallerKind<typeof schema, KeyCaller> = {
  schema,
  read(common, keySha256) {
    const fields = onlyConnections(common);
    return typeof fields === "string" ? fields : { kind: "key", ...fields, keySha256 };
  },
};
