import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { Secret } from "@smart-token-broker/auth-core/rules/secret.ts";
import { type OAuthError, oauthError } from "./oauth-error.ts";
import { readRefreshHandle } from "./refresh-handle.ts";

/** A token request, in the same form for every grant and for the vendor's route. */
export interface GrantRequest {
  kind: "grant_request";
  credential: Secret;
  /** `client_id`: the name that the caller says it has. */
  name?: string;
  username?: string;
  /** A connection's id, or the vendor's scope. */
  scope?: string;
  /** For `refresh_token`: the connection of the token response that issued it. */
  connection?: ConnectionId;
  /** The client authenticates with HTTP Basic (RFC 6749 §2.3.1). */
  basic: boolean;
  /** The error if the credential is not accepted: it authenticates the client, or it is the grant. */
  notAcceptedError: "invalid_client" | "invalid_grant";
  /** RFC 8693 §2.2.1; only for a token exchange. */
  issuedTokenType?: string;
  rejectedSha256?: string;
}

type Fields = ReadonlyMap<string, string>;

/** The only supported client_assertion_type (RFC 7523). */
export const jwtBearer = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
export const tokenExchange = "urn:ietf:params:oauth:grant-type:token-exchange";
/** The only type of token that is issued. */
export const accessTokenType = "urn:ietf:params:oauth:token-type:access_token";
/** A subject token is a JWT, under one of these type names. */
export const subjectTokenTypes = new Set(
  ["jwt", "access_token", "id_token"].map((type) => `urn:ietf:params:oauth:token-type:${type}`),
);

/** The grants of `POST /oauth/token`. Its metadata lists them too. */
export const grantTypes = ["client_credentials", "refresh_token", tokenExchange];

/** Reads `POST /api/v1/auth/token`: the vendor's form, with `token` = `Bearer <credential>`. */
export function readVendorRequest(fields: Fields): GrantRequest | OAuthError {
  const username = fields.get("username");
  const scope = fields.get("scope");
  const token = fields.get("token");
  for (const [name, value] of Object.entries({ username, scope, token })) {
    if (!value) return invalid(`The field ${name} is missing or empty. Send username, scope and token.`);
  }
  const credential = /^Bearer ([\x21-\x7e]+)$/.exec(token ?? "")?.[1];
  if (!username || !scope || credential === undefined) return invalid("The field token must be 'Bearer <credential>'.");
  return grantRequest(fields, { credential: new Secret(credential), username, scope });
}

/** Reads `POST /oauth/token`: one of the grants, with its client authentication or its token. */
export function readGrantRequest(fields: Fields, authorization: string | undefined): GrantRequest | OAuthError {
  const oneOf = `grant_type must be one of ${grantTypes.join(", ")}.`;
  switch (fields.get("grant_type")) {
    case "client_credentials":
      return readClientCredentials(fields, authorization);
    case "refresh_token":
      return readRefresh(fields);
    case tokenExchange:
      return readTokenExchange(fields);
    case undefined:
      return invalid(oneOf);
    default:
      return oauthError("unsupported_grant_type", oneOf);
  }
}

/** RFC 6749 §4.4. The client authenticates with its secret, in the header or the body (§2.3.1), or a JWT (RFC 7523). */
function readClientCredentials(fields: Fields, authorization: string | undefined): GrantRequest | OAuthError {
  const assertion = fields.get("client_assertion");
  const secret = fields.get("client_secret");
  const methods = [authorization, secret, assertion].filter((method) => method !== undefined).length;
  const oneOf = "Send one of the Authorization header (Basic), client_secret and client_assertion.";
  if (methods > 1) return invalid(`The client authenticates more than once. ${oneOf}`);
  if (methods === 0) return oauthError("invalid_client", `Client authentication is missing. ${oneOf}`);
  const scope = scopeOf(fields);
  if (assertion !== undefined) {
    if (fields.get("client_assertion_type") !== jwtBearer)
      return invalid(`client_assertion_type must be ${jwtBearer}.`);
    return grantRequest(fields, { ...scope, credential: new Secret(assertion) });
  }
  if (secret !== undefined) {
    const name = fields.get("client_id");
    if (!name) return invalid("client_id is missing. Send the caller's name.");
    return grantRequest(fields, { ...scope, credential: new Secret(secret), name });
  }
  const client = readBasic(authorization ?? "");
  if (client) return grantRequest(fields, { ...scope, ...client, basic: true });
  return oauthError("invalid_client", "The Authorization header must be Basic, with the caller's name and key.");
}

/** RFC 6749 §6, with a refresh handle. The vendor's refresh request has the same fields, as JSON. */
function readRefresh(fields: Fields): GrantRequest | OAuthError {
  const handle = readRefreshHandle(fields.get("refresh_token") ?? "");
  if (!handle) {
    const description = "refresh_token is missing or was not issued here. Send the one of an earlier token response.";
    return oauthError("invalid_grant", description);
  }
  const { connection, key: credential } = handle;
  return grantRequest(fields, { credential, connection, notAcceptedError: "invalid_grant" });
}

/** RFC 8693: exchanges the JWT of a user or a workload for an access token. */
function readTokenExchange(fields: Fields): GrantRequest | OAuthError {
  const subject = fields.get("subject_token");
  if (!subject) return invalid("subject_token is missing. Send a JWT.");
  if (!subjectTokenTypes.has(fields.get("subject_token_type") ?? "")) {
    return invalid(`subject_token_type must be one of ${[...subjectTokenTypes].join(", ")}.`);
  }
  const requested = fields.get("requested_token_type") ?? accessTokenType;
  if (requested !== accessTokenType) return invalid(`requested_token_type must be ${accessTokenType}, or absent.`);
  if (fields.has("actor_token")) return invalid("actor_token is not supported. Leave it out.");
  return grantRequest(fields, {
    ...scopeOf(fields),
    credential: new Secret(subject),
    notAcceptedError: "invalid_grant",
    issuedTokenType: accessTokenType,
  });
}

function scopeOf(fields: Fields): { scope?: string } {
  const scope = fields.get("scope");
  return scope ? { scope } : {};
}

/** Adds what every request may have: the hash of a rejected token. */
function grantRequest(
  fields: Fields,
  request: Partial<GrantRequest> & { credential: Secret },
): GrantRequest | OAuthError {
  const rejected = fields.get("rejected_token_sha256");
  if (rejected !== undefined && !/^[0-9a-f]{64}$/i.test(rejected)) {
    return invalid("rejected_token_sha256 must be the SHA-256 of the rejected access token, as 64 hex digits.");
  }
  return {
    kind: "grant_request",
    basic: false,
    notAcceptedError: "invalid_client",
    ...request,
    ...(rejected !== undefined && { rejectedSha256: rejected.toLowerCase() }),
  };
}

/** RFC 6749 §2.3.1: the client form-urlencodes both halves before it joins them. */
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

const invalid = (description: string) => oauthError("invalid_request", description);
