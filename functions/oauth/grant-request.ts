import { readRefreshHandle } from "@smart-token-broker/auth-core/rules/caller-key.ts";
import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import type { OAuthError } from "./oauth-error.ts";
import { Secret } from "@smart-token-broker/auth-core/rules/secret.ts";

/** What a request to a token endpoint comes down to, whichever way it was put. */
export interface GrantRequest {
  credential: Secret;
  /** The name that the caller gives itself. */
  name?: string;
  username?: string;
  /** A connection's id, or the vendor's scope. */
  scope?: string;
  /** Of a refresh: the connection that the refresh token was made for. */
  connection?: ConnectionId;
  /** The credential came in the Authorization header. */
  basic: boolean;
  /** What is wrong if the credential is not accepted: the client, or the grant that it presents. */
  ifRefused: "invalid_client" | "invalid_grant";
  /** RFC 8693 §2.2.1; only for a token exchange. */
  issuedTokenType?: string;
  rejectedSha256?: string;
}

type Fields = ReadonlyMap<string, string>;

/** The only client_assertion_type (RFC 7523). */
export const jwtBearer = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
export const tokenExchange = "urn:ietf:params:oauth:grant-type:token-exchange";
/** The only token that is issued. */
export const accessTokenType = "urn:ietf:params:oauth:token-type:access_token";
/** What a subject_token may be: a JWT, under one of these names. */
export const subjectTokenTypes = new Set(
  ["jwt", "access_token", "id_token"].map((type) => `urn:ietf:params:oauth:token-type:${type}`),
);

/** The grants of `POST /oauth/token`, for its metadata too. */
export const grantTypes = ["client_credentials", "refresh_token", tokenExchange];

/** `POST /api/v1/auth/token`: the vendor's form, `token` = `Bearer <credential>`. */
export function readVendorRequest(fields: Fields): GrantRequest | OAuthError {
  const username = fields.get("username");
  const scope = fields.get("scope");
  const token = fields.get("token");
  for (const [name, value] of Object.entries({ username, scope, token })) {
    if (!value) return invalid(`the field ${name} is missing or empty`);
  }
  const credential = /^Bearer ([\x21-\x7e]+)$/.exec(token ?? "")?.[1];
  if (!username || !scope || credential === undefined) return invalid("the field token must be 'Bearer <credential>'");
  return withRejected(fields, {
    credential: new Secret(credential),
    username,
    scope,
    basic: false,
    ifRefused: "invalid_client",
  });
}

/** `POST /oauth/token`: one of the grants, with the client's credential where the grant has it. */
export function readGrantRequest(fields: Fields, authorization: string | undefined): GrantRequest | OAuthError {
  switch (fields.get("grant_type")) {
    case "client_credentials":
      return readClientCredentials(fields, authorization);
    case "refresh_token":
      return readRefresh(fields);
    case tokenExchange:
      return readTokenExchange(fields);
    case undefined:
      return invalid("grant_type is missing");
    default:
      return { error: "unsupported_grant_type", description: `grant_type must be one of ${grantTypes.join(", ")}` };
  }
}

/** RFC 6749 §4.4, with the secret in the header or the body (§2.3.1), or a JWT as the client's assertion (RFC 7523). */
function readClientCredentials(fields: Fields, authorization: string | undefined): GrantRequest | OAuthError {
  const assertion = fields.get("client_assertion");
  const secret = fields.get("client_secret");
  const ways = [authorization, secret, assertion].filter((way) => way !== undefined);
  const description = "authenticate in one way: Basic, client_secret or client_assertion";
  if (ways.length > 1) return invalid(description);
  if (ways.length === 0) return { error: "invalid_client", description };
  const common = { ...scopeOf(fields), ifRefused: "invalid_client" as const };
  if (assertion !== undefined) {
    if (fields.get("client_assertion_type") !== jwtBearer) return invalid(`client_assertion_type must be ${jwtBearer}`);
    return withRejected(fields, { ...common, credential: new Secret(assertion), basic: false });
  }
  if (secret !== undefined) {
    const name = fields.get("client_id");
    if (!name) return invalid("client_id is missing: it is the caller's name");
    return withRejected(fields, { ...common, credential: new Secret(secret), name, basic: false });
  }
  const client = readBasic(authorization ?? "");
  if (!client)
    return {
      error: "invalid_client",
      description: "the Authorization header must be Basic, with client_id and secret",
    };
  return withRejected(fields, { ...common, ...client, basic: true });
}

/** The vendor's refresh, with what `POST /api/v1/auth/token` or another grant handed out. */
function readRefresh(fields: Fields): GrantRequest | OAuthError {
  const handle = readRefreshHandle(fields.get("refresh_token") ?? "");
  if (!handle) return { error: "invalid_grant", description: "refresh_token is missing, or was not handed out here" };
  const { connection, key: credential } = handle;
  return withRejected(fields, { credential, connection, basic: false, ifRefused: "invalid_grant" });
}

/** RFC 8693: the JWT of a user or a workload for an access token. */
function readTokenExchange(fields: Fields): GrantRequest | OAuthError {
  const subject = fields.get("subject_token");
  if (!subject) return invalid("subject_token is missing");
  if (!subjectTokenTypes.has(fields.get("subject_token_type") ?? "")) {
    return invalid(`subject_token_type must be one of ${[...subjectTokenTypes].join(", ")}`);
  }
  const requested = fields.get("requested_token_type") ?? accessTokenType;
  if (requested !== accessTokenType) return invalid(`requested_token_type must be ${accessTokenType}`);
  if (fields.has("actor_token")) return invalid("actor_token is not supported");
  return withRejected(fields, {
    credential: new Secret(subject),
    ...scopeOf(fields),
    basic: false,
    ifRefused: "invalid_grant",
    issuedTokenType: accessTokenType,
  });
}

function scopeOf(fields: Fields): { scope?: string } {
  const scope = fields.get("scope");
  return scope ? { scope } : {};
}

function withRejected(fields: Fields, request: GrantRequest): GrantRequest | OAuthError {
  const rejected = fields.get("rejected_token_sha256");
  if (rejected === undefined) return request;
  if (!/^[0-9a-f]{64}$/i.test(rejected)) return invalid("rejected_token_sha256 must be 64 hex digits");
  return { ...request, rejectedSha256: rejected.toLowerCase() };
}

/** RFC 6749 §2.3.1: both halves are form-urlencoded before they are put together. */
function readBasic(authorization: string): { name: string; credential: Secret } | undefined {
  const encoded = /^Basic +([A-Za-z0-9+/=]+)$/i.exec(authorization)?.[1];
  if (encoded === undefined) return undefined;
  const [name, secret, ...more] = Buffer.from(encoded, "base64").toString("utf8").split(":");
  if (!name || !secret || more.length > 0) return undefined;
  try {
    return { name: decode(name), credential: new Secret(decode(secret)) };
  } catch {
    return undefined;
  }
}

function decode(text: string): string {
  return decodeURIComponent(text.replaceAll("+", " "));
}

function invalid(description: string): OAuthError {
  return { error: "invalid_request", description };
}
