import * as v from "valibot";
import { type CallRule, callMethods } from "./call-rules.ts";
import { type ConnectionId, connectionIdPattern, connectionIdRule } from "../connection-id.ts";
import type { UrlOptions } from "../https-url.ts";
import { unknownName } from "../unknown-name.ts";

/** What every entry of the list has. */
export interface CommonFields {
  name: string;
  /** Absent: the entry says otherwise which connections it may use. */
  connections?: ConnectionId[] | undefined;
  /** Origins of the web pages that may send this entry's JWTs. */
  origins: string[];
  /** The calls that the entry may make. An entry with calls never gets a token, and one without makes none. */
  calls?: CallRule[] | undefined;
}

/** A kind of callers, in a file of its own. An entry is of this kind if it has the kind's field. */
export interface CallerKind<Schema extends v.GenericSchema, Kind> {
  /** The schema of the field. Its messages begin with the field's name. */
  schema: Schema;
  /**
   * The entry, or what is wrong with it: a clause that begins with the field.
   *
   * @param written the value of the field before the schema read it
   */
  read: (common: CommonFields, value: v.InferOutput<Schema>, options: UrlOptions, written: unknown) => Kind | string;
}

/** A text of at most 2,048 characters. */
export const text = (field: string) =>
  v.pipe(
    v.string(`${field} must be a string`),
    v.minLength(1, `${field} is empty`),
    v.maxLength(2048, `${field} is longer than 2,048 characters`),
  );

/** An object with these fields only. Its messages name an unknown field by its position if it may be a pasted key. */
export const objectOf = <Fields extends v.ObjectEntries>(fields: Fields, within?: string) =>
  v.strictObject(fields, ({ expected, path }) => {
    const { key: name, input } = path?.at(-1) ?? {};
    const key = String(name);
    if (expected === "Object") return `${within ?? ""} must be an object`.trimStart();
    if (expected === "never") {
      const unknown = unknownName(key, Object.keys(input ?? {}));
      return `${within ?? ""} has an unknown field ${unknown}. Use one of: ${Object.keys(fields).join(", ")}`.trimStart();
    }
    return `${within === undefined ? "" : `${within}.`}${key} is missing`;
  });

/** The schemas of the fields that every entry can have. */
export const commonFields = {
  name: v.pipe(
    text("name"),
    v.regex(connectionIdPattern, `name must be ${connectionIdRule}`),
    v.description("Unique. The log names the caller by it, and it is the client_id of a caller key."),
  ),
  connections: v.optional(
    v.pipe(
      v.array(
        v.pipe(
          v.string("connections must be a list of connection ids"),
          v.regex(connectionIdPattern, `connections: every id must be ${connectionIdRule}`),
        ),
        "connections must be a list of connection ids",
      ),
      v.minLength(1, "connections is empty"),
      v.checkItems((id, index, all) => all.indexOf(id) === index, "connections has a duplicate id"),
      v.description("Ids that this caller may use. Optional with oidc.connectionsClaim."),
      v.transform((ids) => ids as ConnectionId[]),
    ),
  ),
  origins: v.optional(
    v.pipe(
      v.array(text("origins: an origin"), "origins must be a list"),
      v.description("Origins of the web pages that may use this entry, like https://portal.example.com."),
    ),
    [],
  ),
  calls: v.optional(
    v.pipe(
      v.array(
        objectOf(
          {
            methods: v.pipe(
              v.array(
                v.picklist(callMethods, `calls.methods: use some of ${callMethods.join(", ")}`),
                "calls.methods must be a list",
              ),
              v.minLength(1, "calls.methods is empty"),
              v.checkItems((method, index, all) => all.indexOf(method) === index, "calls.methods has a duplicate"),
              v.description("GET includes HEAD."),
            ),
            path: v.pipe(
              text("calls.path"),
              v.description(
                "Like /api/v1/{scope}/CO/**: * is one segment, ** the rest, {scope} the connection's own scope.",
              ),
            ),
          },
          "calls",
        ),
        "calls must be a list of rules",
      ),
      v.minLength(1, "calls is empty"),
      v.maxLength(100, "calls has more than 100 rules"),
      v.checkItems(
        (rule, index, all) => all.findIndex((other) => isSameRule(rule, other)) === index,
        "calls has two equal rules",
      ),
      v.description("What this entry may call through the broker. An entry with calls never gets a token."),
    ),
  ),
};

function isSameRule(one: CallRule, other: CallRule): boolean {
  return one.path === other.path && one.methods.toSorted().join() === other.methods.toSorted().join();
}

/** The connections of an entry that must have them and no origins, or what is wrong. */
export function onlyConnections({ name, origins, connections, calls }: CommonFields) {
  if (origins.length > 0) return "origins is for oidc only: a web page sends its user's JWT, never a key";
  return connections ? { name, origins, connections, ...(calls && { calls }) } : "needs connections";
}
