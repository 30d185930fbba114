import * as v from "valibot";
import { type ConnectionId, connectionIdPattern, connectionIdRule } from "./connection-id.ts";
import { unknownName } from "./unknown-name.ts";

const text = (field: string) =>
  v.pipe(
    v.string(`${field} must be a string`),
    v.minLength(1, `${field} is empty`),
    v.maxLength(2048, `${field} is longer than 2,048 characters`),
  );

const connections = v.pipe(
  v.array(
    v.pipe(
      v.string("connections must be a list of connection ids"),
      v.regex(connectionIdPattern, `connections: every id must be ${connectionIdRule}`),
    ),
    "connections must be a list of connection ids",
  ),
  v.minLength(1, "connections is empty"),
  v.checkItems((id, index, all) => all.indexOf(id) === index, "connections has a duplicate id"),
  v.transform((ids) => ids as ConnectionId[]),
);

const oidcFields = {
  issuer: text("oidc.issuer"),
  audience: text("oidc.audience"),
  claims: v.optional(
    v.record(
      text("oidc.claims: a name"),
      v.union(
        [
          v.pipe(
            text("oidc.claims: a value"),
            v.regex(/^[^*]*\*?$/, "oidc.claims: * is allowed only at the end"),
            v.notValue(
              "*",
              'oidc.claims: "*" alone matches everyone. Write the full value, or a prefix like "repo:acme/shop:*"',
            ),
          ),
          v.boolean(),
        ],
        "oidc.claims: every value must be a string, true or false",
      ),
      "oidc.claims must be an object of strings and booleans",
    ),
    {},
  ),
  connectionsClaim: v.optional(text("oidc.connectionsClaim")),
  maxLifetime: v.optional(
    v.pipe(
      v.number("oidc.maxLifetime must be a number of seconds"),
      v.integer("oidc.maxLifetime must be a whole number of seconds"),
      v.minValue(1, "oidc.maxLifetime must be at least 1 second"),
      v.maxValue(7 * 24 * 3600, "oidc.maxLifetime must be at most 604800 seconds (7 days)"),
    ),
    24 * 3600,
  ),
};

const oidc = v.strictObject(oidcFields, (issue) => wrongFields(issue, oidcFields, "oidc"));

const callerFields = {
  name: v.pipe(text("name"), v.regex(connectionIdPattern, `name must be ${connectionIdRule}`)),
  connections: v.optional(connections),
  principal: v.optional(
    v.pipe(
      text("principal"),
      v.regex(
        /^(arn:aws[a-z-]*:iam::\d{12}:(role\/[\w+=,.@/-]+|root)|\d{12})$/,
        "principal must be the ARN of a role or an account, or an account's 12 digits",
      ),
    ),
  ),
  keySha256: v.optional(
    v.pipe(
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
    ),
  ),
  oidc: v.optional(oidc),
  origins: v.optional(v.array(text("origins: an origin"), "origins must be a list"), []),
};

/** An entry of the list of callers. Its messages start with the field. */
export const callerSchema = v.pipe(v.strictObject(callerFields, (issue) => wrongFields(issue, callerFields)));

/** The message for a value that is not an object, has an unknown field or lacks a field. */
function wrongFields(
  { expected, path }: { expected: string | null; path?: readonly { key: unknown; input: unknown }[] | undefined },
  known: object,
  within?: string,
): string {
  const { key: name, input } = path?.at(-1) ?? {};
  const key = String(name);
  if (expected === "Object") return `${within ?? ""} must be an object`.trimStart();
  if (expected === "never") {
    const unknown = unknownName(key, Object.keys(input ?? {}));
    return `${within ?? ""} has an unknown field ${unknown}. Use one of: ${Object.keys(known).join(", ")}`.trimStart();
  }
  return `${within === undefined ? "" : `${within}.`}${key} is missing`;
}
