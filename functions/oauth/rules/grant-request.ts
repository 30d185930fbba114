import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { Secret } from "@smart-token-broker/auth-core/rules/secret.ts";
import { type OAuthError, oauthError } from "./oauth-error.ts";
import { readRefreshHandle } from "./refresh-handle.ts";

/** A credential, and what it may be. That follows from its place in the request. */
export interface Credential {
  value: Secret;
  accepted: "caller_key" | "jwt" | "caller_key_or_jwt" | "refresh_handle";
}

/** A token request, in the same form for every grant and for the vendor's route. */
export interface GrantRequest {
  kind: "grant_request";
  /** Allows the request: it authenticates the client, or it is the grant. */
  credential: Credential;
  /** Client authentication beside a grant, where it is optional. If it fails, the request fails. */
  client?: Credential;
  /** Who the client says it is: `client_id`, or the name in the Authorization header. */
  clientId?: string;
  username?: string;
  /** A connection's id, or the vendor's scope. */
  scope?: string;
  /** For `refresh_token`: the connection of the token response that issued it. */
  connection?: ConnectionId;
  /** The client authenticates with HTTP Basic (RFC 6749 §2.3.1). */
  basic: boolean;
  /** The error if the credential is not accepted: it authenticates the client, or it is the grant. */
  notAcceptedError: "invalid_client" | "invalid_grant";
  /** The vendor's route returns a refresh token for a caller key. `client_credentials` must not (RFC 6749 §4.4.3). */
  issuesHandle?: boolean;
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
  const text = token && /^Bearer +([\x21-\x7e]+)$/i.exec(token.trim())?.[1];
  if (!username || !scope || !text) return invalid("The field token must be 'Bearer <credential>'.");
  const credential = { value: new Secret(text), accepted: "caller_key_or_jwt" } as const;
  return grantRequest(fields, { ...clientIdOf(fields), credential, username, scope, issuesHandle: true });
}

/** Reads `POST /oauth/token`: one of the grants, with its client authentication or its token. */
export function readGrantRequest(fields: Fields, authorization: string | undefined): GrantRequest | OAuthError {
  const oneOf = `grant_type must be one of ${grantTypes.join(", ")}.`;
  const grant = fields.get("grant_type");
  if (grant === undefined) return invalid(oneOf);
  if (!grantTypes.includes(grant)) return oauthError("unsupported_grant_type", oneOf);
  for (const [field, itsGrant] of Object.entries(grantOf)) {
    if (fields.has(field) && grant !== itsGrant) return invalid(`${field} does not belong to this grant_type.`);
  }
  const client = readClient(fields, authorization);
  if (client?.kind === "oauth_error") return client;
  if (grant === "refresh_token") return readRefresh(fields, client);
  return grant === tokenExchange ? readTokenExchange(fields, client) : readClientCredentials(fields, client);
}

/** The fields that are a grant, and the grant_type that they belong to. */
const grantOf = { refresh_token: "refresh_token", subject_token: tokenExchange };

/** A client that authenticates. */
interface Client {
  kind: "client";
  credential: Credential;
  clientId?: string;
  basic: boolean;
}

/**
 * Reads the client's authentication: its secret, in the header or the body (RFC 6749 §2.3.1), or a JWT (RFC 7523 §2.2).
 * `undefined` if there is none.
 */
function readClient(fields: Fields, authorization: string | undefined): Client | undefined | OAuthError {
  const assertion = fields.get("client_assertion");
  const secret = fields.get("client_secret");
  const { clientId } = clientIdOf(fields);
  if ([authorization, secret, assertion].filter((method) => method !== undefined).length > 1) {
    return invalid(`The client authenticates more than once. ${oneMethod}`);
  }
  if (assertion === undefined && fields.get("client_assertion_type")) {
    return invalid("client_assertion is missing. Send a JWT, or leave client_assertion_type out.");
  }
  if (authorization !== undefined) {
    const { name, value } = readBasic(authorization) ?? {};
    if (name === undefined || value === undefined) {
      return oauthError("invalid_client", "The Authorization header must be Basic, with the caller's name and key.");
    }
    if (clientId !== undefined && clientId !== name) {
      return invalid(
        "client_id is not the name in the Authorization header. Send the same name, or leave client_id out.",
      );
    }
    return { kind: "client", credential: { value, accepted: "caller_key" }, clientId: name, basic: true };
  }
  if (assertion !== undefined) {
    if (fields.get("client_assertion_type") !== jwtBearer)
      return invalid(`client_assertion_type must be ${jwtBearer}.`);
    const credential = { value: new Secret(assertion), accepted: "jwt" } as const;
    return { kind: "client", credential, ...clientIdOf(fields), basic: false };
  }
  if (secret === undefined) return undefined;
  if (clientId === undefined) return invalid("client_id is missing. Send the caller's name.");
  return { kind: "client", credential: { value: new Secret(secret), accepted: "caller_key" }, clientId, basic: false };
}

const oneMethod = "Send one of the Authorization header (Basic), client_secret and client_assertion.";

/** RFC 6749 §4.4. */
function readClientCredentials(fields: Fields, client: Client | undefined): GrantRequest | OAuthError {
  if (!client) return oauthError("invalid_client", `Client authentication is missing. ${oneMethod}`);
  const { kind: _, ...authentication } = client;
  return grantRequest(fields, { ...scopeOf(fields), ...authentication });
}

/** RFC 6749 §6, with a refresh handle. The vendor's refresh request has the same fields, as JSON. */
function readRefresh(fields: Fields, client: Client | undefined): GrantRequest | OAuthError {
  const token = fields.get("refresh_token");
  if (!token) return invalid("refresh_token is missing. Send the one of an earlier token response.");
  const read = readRefreshHandle(token);
  if (!read) {
    const description = "The refresh_token was not issued here. Send the one of an earlier token response.";
    return oauthError("invalid_grant", description);
  }
  return grantRequest(fields, {
    ...scopeOf(fields),
    ...besideGrant(fields, client),
    credential: { value: read.handle, accepted: "refresh_handle" },
    connection: read.connection,
    notAcceptedError: "invalid_grant",
  });
}

/** RFC 8693: exchanges the JWT of a user or a workload for an access token. */
function readTokenExchange(fields: Fields, client: Client | undefined): GrantRequest | OAuthError {
  const subject = fields.get("subject_token");
  if (!subject) return invalid("subject_token is missing. Send a JWT.");
  if (!subjectTokenTypes.has(fields.get("subject_token_type") ?? "")) {
    return invalid(`subject_token_type must be one of ${[...subjectTokenTypes].join(", ")}.`);
  }
  const requested = fields.get("requested_token_type") ?? accessTokenType;
  if (requested !== accessTokenType) return invalid(`requested_token_type must be ${accessTokenType}, or absent.`);
  if (fields.has("actor_token") || fields.has("actor_token_type"))
    return invalid("actor_token is not supported. Leave it out.");
  return grantRequest(fields, {
    ...scopeOf(fields),
    ...besideGrant(fields, client),
    credential: { value: new Secret(subject), accepted: "jwt" },
    notAcceptedError: "invalid_grant",
    issuedTokenType: accessTokenType,
  });
}

/** The client of a request whose grant is another credential. */
function besideGrant(fields: Fields, client: Client | undefined): Partial<GrantRequest> {
  if (!client) return clientIdOf(fields);
  const { kind: _, credential, ...rest } = client;
  return { ...rest, client: credential };
}

function clientIdOf(fields: Fields): { clientId?: string } {
  const clientId = fields.get("client_id");
  return clientId ? { clientId } : {};
}

function scopeOf(fields: Fields): { scope?: string } {
  const scope = fields.get("scope");
  return scope ? { scope } : {};
}

/** Adds what every request may have: the hash of a rejected token. */
function grantRequest(
  fields: Fields,
  request: Partial<GrantRequest> & { credential: Credential },
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
function readBasic(authorization: string): { name: string; value: Secret } | undefined {
  const encoded = /^Basic +([A-Za-z0-9+/=]+)$/i.exec(authorization)?.[1];
  if (encoded === undefined) return undefined;
  const [name, secret, ...more] = Buffer.from(encoded, "base64").toString("utf8").split(":");
  if (!name || !secret || more.length > 0) return undefined;
  try {
    return { name: decode(name), value: new Secret(decode(secret)) };
  } catch {
    return undefined;
  }
}

function decode(text: string): string {
  return decodeURIComponent(text.replaceAll("+", " "));
}

const invalid = (description: string) => oauthError("invalid_request", description);
