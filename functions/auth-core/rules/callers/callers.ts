import * as v from "valibot";
import { parseConnectionId } from "../connection-id.ts";
import type { UrlOptions } from "../https-url.ts";
import { unknownName } from "../unknown-name.ts";
import { brokenPattern } from "./call-rules.ts";
import { type CallerKind, commonFields, objectOf } from "./caller-kind.ts";
import { couldBothMatch } from "./claims.ts";
import { type KeyCaller, keyCallers } from "./key-caller.ts";
import { type OidcCaller, oidcCallers } from "./oidc-caller.ts";
import { type PrincipalCaller, principalCallers } from "./principal-caller.ts";

/** One entry of the list of callers. The broker trusts no caller that is not in the list. */
export type Caller = KeyCaller | OidcCaller | PrincipalCaller;

/** The field by which an entry is of a kind, and the kind. */
export const callerKinds = { principal: principalCallers, keySha256: keyCallers, oidc: oidcCallers };
const kindFields = Object.keys(callerKinds) as (keyof typeof callerKinds)[];

/** An entry of the list of callers. Its messages start with the field. */
export const callerSchema = objectOf({
  name: commonFields.name,
  connections: commonFields.connections,
  principal: v.optional(principalCallers.schema),
  keySha256: v.optional(keyCallers.schema),
  oidc: v.optional(oidcCallers.schema),
  origins: commonFields.origins,
  calls: commonFields.calls,
});

/**
 * Reads the list of callers: an array, or an object with the array in `callers`. Throws an error that names the entry, the
 * field and its rule. The synthesis calls this, so that a mistake is found before the deployment.
 */
export function parseCallers(list: unknown, options: UrlOptions): Caller[] {
  return distinct(entriesOf(list).map((item, index) => parseEntry(item, nameOf(item, index), options)));
}

/**
 * A list of callers. Throws an error if two of them have the same name or hash of a key, or if one JWT could match an entry
 * with calls and one without: it would get both calls and a token.
 */
function distinct(callers: Caller[]): Caller[] {
  const names = new Set<string>();
  const hashes = new Map<string, string>();
  for (const caller of callers) {
    if (names.has(caller.name)) throw new Error(`callers: two entries have the name ${caller.name}.`);
    names.add(caller.name);
    for (const hash of caller.kind === "key" ? caller.keySha256 : []) {
      const other = hashes.get(hash);
      if (other)
        throw new Error(`callers: ${caller.name}: keySha256 has a hash that ${other} uses too. Create a key for each.`);
      hashes.set(hash, caller.name);
    }
  }
  const oidc = callers.filter((caller) => caller.kind === "oidc");
  for (const one of oidc.filter(({ calls }) => calls)) {
    const other = oidc.find((each) => !each.calls && couldBothMatch(one, each));
    if (!other) continue;
    throw new Error(
      `callers: ${one.name}: a JWT could match it and ${other.name}, and get both calls and a token. Give both calls, or require in oidc.claims another sub in each.`,
    );
  }
  return callers;
}

/** What an entry gets: tokens from the functions token and oauth, or calls by the function calls. Never both. */
export type Served = "tokens" | "calls";

export function isServed(caller: Caller, served: Served): boolean {
  return (caller.calls !== undefined) === (served === "calls");
}

/**
 * The file with the entries that a function serves, for its bundle. The function reads it without this module: that is
 * faster. It does not know the other entries, so it cannot serve them.
 */
export function callersFile(callers: Caller[], served: Served): { "callers.json": string } {
  return { "callers.json": JSON.stringify(callers.filter((caller) => isServed(caller, served))) };
}

/** The entries of a list, which may be in a document with a `$schema`. */
function entriesOf(list: unknown): unknown[] {
  if (Array.isArray(list)) return list;
  if (typeof list !== "object" || list === null) throw new Error("callers must be a list.");
  const { $schema: _, callers, ...rest } = list as Record<string, unknown>;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) {
    throw new Error(
      `callers: the object with the list has an unknown field ${unknownName(unknown, Object.keys(list))}. Use one of: $schema, callers.`,
    );
  }
  if (!Array.isArray(callers)) throw new Error("callers must be a list.");
  return callers;
}

function parseEntry(item: unknown, label: string, options: UrlOptions): Caller {
  const wrong = (what: string) => new Error(`callers: ${label}: ${what}.`);
  const parsed = v.safeParse(callerSchema, item, { abortEarly: true });
  if (!parsed.success) throw wrong(parsed.issues[0].message);
  const { principal, keySha256, oidc, ...common } = parsed.output;
  const values = { principal, keySha256, oidc };
  const [field, ...others] = kindFields.filter((each) => values[each] !== undefined);
  if (field === undefined || others.length > 0) throw wrong("needs exactly one of principal, keySha256 and oidc");
  for (const { path } of common.calls ?? []) {
    const broken = brokenPattern(path);
    if (broken !== undefined) throw wrong(`calls: the path ${JSON.stringify(path.slice(0, 100))} ${broken}`);
  }
  const read = callerKinds[field].read as CallerKind<v.GenericSchema, Caller>["read"];
  const caller = read(common, values[field], options, (item as typeof values)[field]);
  if (typeof caller === "string") throw wrong(caller);
  return caller;
}

/** How an error names an entry: by its name if that is a valid one, which a key is not, or by its position. */
function nameOf(item: unknown, index: number): string {
  const name = (item as { name?: unknown } | null)?.name;
  return (typeof name === "string" && parseConnectionId(name)) || `entry ${index + 1}`;
}
