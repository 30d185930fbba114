import * as v from "valibot";
import { callerSchema } from "./caller-schema.ts";
import { type ConnectionId, parseConnectionId } from "./connection-id.ts";
import { brokenUrlRule, isOrigin, type UrlOptions } from "./https-url.ts";
import { openConnectionsClaim, openToStrangers, type RequiredClaims } from "./issuer-trust.ts";
import { isPrivateHost } from "./private-host.ts";
import { unknownName } from "./unknown-name.ts";

/** One entry of the list of callers. The broker trusts no caller that is not in the list. */
export type Caller = KeyCaller | OidcCaller | PrincipalCaller;

interface Named {
  name: string;
  /** Origins of the web pages that may send this entry's JWTs. */
  origins: string[];
}

/** Authenticates with a random key. The list has only its hash. */
export interface KeyCaller extends Named {
  kind: "key";
  connections: ConnectionId[];
  /** SHA-256 in hex; two hashes while a key is being replaced. */
  keySha256: string[];
}

/** Authenticates with a JWT: a pipeline, a workload or a signed-in user. */
export interface OidcCaller extends Named {
  kind: "oidc";
  /** The connections that it may use. If absent, the `connectionsClaim` of each JWT lists them. */
  connections?: ConnectionId[];
  issuer: string;
  audience: string;
  /** All of them are required. */
  claims: RequiredClaims;
  /** The claim that lists the connections of the JWT's user. */
  connectionsClaim?: string;
  /** Seconds. A JWT that lives longer is rejected. */
  maxLifetime: number;
}

/** An AWS role or account. The stacks create a role that it can assume; the functions do not use this entry. */
export interface PrincipalCaller extends Named {
  kind: "principal";
  connections: ConnectionId[];
  principal: string;
}

/**
 * Reads the list of callers: an array, or an object with the array in `callers`. Throws an error that names the entry, the
 * field and its rule. The synthesis calls this, so that a mistake is found before the deployment.
 */
export function parseCallers(list: unknown, options: UrlOptions): Caller[] {
  return distinct(entriesOf(list).map((item, index) => parseEntry(item, nameOf(item, index), options)));
}

/** A list of callers. Throws an error if two of them have the same name or hash of a key. */
export function distinct(callers: Caller[]): Caller[] {
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
  return callers;
}

/** The file with a parsed list for the bundle of the oauth function, which reads it without this module: that is faster. */
export function callersFile(callers: Caller[]): { "callers.json": string } {
  return { "callers.json": JSON.stringify(callers) };
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
  const fields = parsed.output;
  const { name, origins } = fields;
  const methods = (["principal", "keySha256", "oidc"] as const).filter((method) => fields[method] !== undefined);
  if (methods.length !== 1) throw wrong("needs exactly one of principal, keySha256 and oidc");
  for (const origin of origins) {
    if (!isOrigin(origin, options)) {
      throw wrong(
        `origins: ${JSON.stringify(origin)} must be an https origin without a path, like https://portal.example.com`,
      );
    }
  }
  if (fields.oidc) {
    const { issuer, audience, claims, connectionsClaim, maxLifetime } = fields.oidc;
    if (brokenUrlRule(issuer, options)) throw wrong("oidc.issuer must be an https URL");
    if (!options.allowLoopbackHttp && isPrivateHost(issuer)) {
      throw wrong("oidc.issuer must not be localhost or a private address, except in the local run");
    }
    if (!fields.connections && connectionsClaim === undefined) {
      throw wrong("needs connections or oidc.connectionsClaim");
    }
    const isLimited = fields.connections !== undefined;
    const openClaim = connectionsClaim !== undefined && openConnectionsClaim(connectionsClaim, isLimited);
    if (openClaim) throw wrong(openClaim);
    // The schema drops the names that all objects inherit. Without them, the entry would match more JWTs.
    const dropped = listedClaims(item).find((claim) => !Object.hasOwn(claims, claim));
    if (dropped !== undefined) throw wrong(`oidc.claims cannot have the claim ${dropped}`);
    const fault = openToStrangers(issuer, claims, connectionsClaim);
    if (fault) throw wrong(fault);
    return {
      kind: "oidc",
      name,
      origins,
      issuer,
      audience,
      claims,
      ...(fields.connections && { connections: fields.connections }),
      ...(connectionsClaim !== undefined && { connectionsClaim }),
      maxLifetime,
    };
  }
  if (origins.length > 0) throw wrong("origins is for oidc only: a web page sends its user's JWT, never a key");
  if (!fields.connections) throw wrong("needs connections");
  const common = { name, origins, connections: fields.connections };
  if (fields.principal !== undefined) return { kind: "principal", ...common, principal: fields.principal };
  return { kind: "key", ...common, keySha256: fields.keySha256 ?? [] };
}

/** The names of the claims as the list has them. */
function listedClaims(item: unknown): string[] {
  return Object.keys((item as { oidc?: { claims?: object } }).oidc?.claims ?? {});
}

/** How an error names an entry: by its name if that is a valid one, which a key is not, or by its position. */
function nameOf(item: unknown, index: number): string {
  const name = (item as { name?: unknown } | null)?.name;
  return (typeof name === "string" && parseConnectionId(name)) || `entry ${index + 1}`;
}
