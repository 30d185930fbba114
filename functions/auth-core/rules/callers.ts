import * as v from "valibot";
import { type ConnectionId, connectionIdRule, parseConnectionId } from "./connection-id.ts";

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
  /** Claim → the required string; if it ends in `*`, the required prefix. */
  claims: Record<string, string>;
  /** The claim that lists the connections of the JWT's user. */
  connectionsClaim?: string;
}

/** An AWS role or account. The stacks create a role that it can assume; the functions do not use this entry. */
export interface PrincipalCaller extends Named {
  kind: "principal";
  connections: ConnectionId[];
  principal: string;
}

export interface CallersOptions {
  /** Only in the local run: issuers and origins may be http on this machine. */
  allowLoopbackHttp: boolean;
}

/** A role has at most ten policies, and each has room for the ARNs of 15 connections with two routes. */
const maxConnectionsPerPrincipal = 150;

const text = (field: string) => v.pipe(v.string(`${field} must be a string`), v.minLength(1, `${field} is empty`));

const connections = v.pipe(
  v.array(v.string("connections must be a list of connection ids"), "connections must be a list of connection ids"),
  v.minLength(1, "connections is empty"),
  v.checkItems((id) => parseConnectionId(id) !== undefined, `connections: every id must be ${connectionIdRule}`),
  v.checkItems((id, index, all) => all.indexOf(id) === index, "connections has a duplicate id"),
  v.transform((ids) => ids as ConnectionId[]),
);

const oidc = v.strictObject(
  {
    issuer: text("oidc.issuer"),
    audience: text("oidc.audience"),
    claims: v.optional(
      v.pipe(
        v.record(v.string(), text("oidc.claims: every value"), "oidc.claims must be an object of strings"),
        v.check(
          (claims) => Object.values(claims).every((value) => value.replace(/\*$/, "") !== ""),
          'oidc.claims: "*" alone would match everyone; give a prefix, or leave the claim out',
        ),
        v.check(
          (claims) => Object.values(claims).every((value) => !value.slice(0, -1).includes("*")),
          "oidc.claims: * is allowed only at the end",
        ),
      ),
      {},
    ),
    connectionsClaim: v.optional(text("oidc.connectionsClaim")),
  },
  (issue) => wrongFields(issue, "oidc"),
);

const entry = v.pipe(
  v.strictObject(
    {
      name: v.pipe(
        text("name"),
        v.check((name) => parseConnectionId(name) !== undefined, `name must be ${connectionIdRule}`),
      ),
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
          v.array(text("keySha256: every hash"), "keySha256 must be a list"),
          v.minLength(1, "keySha256 is empty"),
          v.maxLength(2, "keySha256 has more than two hashes; list the current key and its replacement"),
          v.checkItems((hash) => /^[0-9a-f]{64}$/.test(hash), "keySha256: every hash must be 64 lower-case hex digits"),
        ),
      ),
      oidc: v.optional(oidc),
      origins: v.optional(v.array(text("origins: every origin"), "origins must be a list"), []),
    },
    (issue) => wrongFields(issue),
  ),
);

/**
 * Reads the list of callers. Throws an error that names the entry, the field and its rule. The synthesis calls this, so
 * that a mistake is found before the deployment.
 */
export function parseCallers(list: unknown, options: CallersOptions): Caller[] {
  if (!Array.isArray(list)) throw new Error("callers must be a list.");
  const callers = list.map((item: unknown, index) => parseEntry(item, nameOf(item, index), options));
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

/** A parsed entry in the form of the list, for the list in the bundle of the function. */
export function asListed(caller: Caller): object {
  switch (caller.kind) {
    case "oidc": {
      const { kind: _, issuer, audience, claims, connectionsClaim, ...rest } = caller;
      return {
        ...rest,
        oidc: { issuer, audience, claims, ...(connectionsClaim !== undefined && { connectionsClaim }) },
      };
    }
    case "key":
    case "principal": {
      const { kind: _, origins: __, ...rest } = caller;
      return rest;
    }
  }
}

function parseEntry(item: unknown, label: string, options: CallersOptions): Caller {
  const wrong = (what: string) => new Error(`callers: ${label}: ${what}.`);
  const parsed = v.safeParse(entry, item, { abortEarly: true });
  if (!parsed.success) throw wrong(parsed.issues[0].message);
  const fields = parsed.output;
  const { name, origins } = fields;
  const methods = (["principal", "keySha256", "oidc"] as const).filter((method) => fields[method] !== undefined);
  if (methods.length !== 1) throw wrong("needs exactly one of principal, keySha256 and oidc");
  for (const origin of origins) {
    // For API Gateway, https://* allows every origin.
    if (!isHttps(origin, options) || new URL(origin).origin !== origin || origin.includes("*")) {
      throw wrong(
        `origins: ${JSON.stringify(origin)} must be an https origin without a path, like https://portal.example.com`,
      );
    }
  }
  if (fields.oidc) {
    const { issuer, audience, claims, connectionsClaim } = fields.oidc;
    if (!isHttps(issuer, options)) throw wrong("oidc.issuer must be an https URL");
    if (!fields.connections && connectionsClaim === undefined) {
      throw wrong("needs connections or oidc.connectionsClaim");
    }
    if (connectionsClaim === undefined && Object.keys(claims).length === 0) {
      throw wrong("oidc.claims is needed: without it, every JWT of the issuer would match");
    }
    return {
      kind: "oidc",
      name,
      origins,
      issuer,
      audience,
      claims,
      ...(fields.connections && { connections: fields.connections }),
      ...(connectionsClaim !== undefined && { connectionsClaim }),
    };
  }
  if (origins.length > 0) throw wrong("origins is for oidc only: a web page sends its user's JWT, never a key");
  if (!fields.connections) throw wrong("needs connections");
  const common = { name, origins, connections: fields.connections };
  if (fields.principal !== undefined && fields.connections.length > maxConnectionsPerPrincipal) {
    throw wrong(
      `connections has more than ${maxConnectionsPerPrincipal}, the limit of the policies of one role: make two entries`,
    );
  }
  if (fields.principal !== undefined) return { kind: "principal", ...common, principal: fields.principal };
  return { kind: "key", ...common, keySha256: fields.keySha256 ?? [] };
}

function isHttps(url: string, { allowLoopbackHttp }: CallersOptions): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname, username, password, search, hash } = new URL(url);
  if (username || password || search || hash) return false;
  const loopback = ["127.0.0.1", "[::1]", "localhost"].includes(hostname);
  return protocol === "https:" || (allowLoopbackHttp && loopback && protocol === "http:");
}

/** How an error names an entry: by its name, or by its position. */
function nameOf(item: unknown, index: number): string {
  const name = (item as { name?: unknown } | null)?.name;
  return typeof name === "string" && name !== "" ? name.slice(0, 63) : `entry ${index + 1}`;
}

/** The message for a value that is no object, has an unknown field or lacks one. */
function wrongFields(
  { expected, path }: { expected: string | null; path?: readonly { key: unknown }[] | undefined },
  within?: string,
): string {
  const key = String(path?.at(-1)?.key);
  if (expected === "Object") return `${within ?? ""} must be an object`.trimStart();
  if (expected === "never") return `${within ?? ""} has an unknown field ${key}`.trimStart();
  return `${within === undefined ? "" : `${within}.`}${key} is missing`;
}

/** Whether a JWT's claims match an entry: its audience, and every claim that the entry lists. */
export function matchesClaims(caller: OidcCaller, claims: Record<string, unknown>): boolean {
  const { aud } = claims;
  if (aud !== caller.audience && !(Array.isArray(aud) && aud.includes(caller.audience))) return false;
  return Object.entries(caller.claims).every(([claim, required]) => {
    const value = claims[claim];
    if (typeof value !== "string") return false;
    return required.endsWith("*") ? value.startsWith(required.slice(0, -1)) : value === required;
  });
}

/** The connections that a JWT may use by this entry. */
export function connectionsOf(caller: OidcCaller, claims: Record<string, unknown>): ConnectionId[] {
  if (caller.connectionsClaim === undefined) return caller.connections ?? [];
  const listed = claims[caller.connectionsClaim];
  const names: unknown[] = typeof listed === "string" ? listed.split(" ") : Array.isArray(listed) ? listed : [];
  const ids = names.map((name) => (typeof name === "string" ? parseConnectionId(name) : undefined));
  const known = ids.filter((id) => id !== undefined);
  // The entry's own list limits what the claim may name.
  return caller.connections ? known.filter((id) => caller.connections?.includes(id)) : known;
}
