import type { APIGatewayProxyEventV2 as Event } from "aws-lambda";
import { type HttpResponse, originLine, validityFields } from "@smart-token-broker/auth-core/http/response.ts";
import type { Caller } from "@smart-token-broker/auth-core/rules/callers/callers.ts";
import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import type { Settings } from "@smart-token-broker/auth-core/rules/settings.ts";
import type { TokenSet } from "@smart-token-broker/auth-core/rules/tokens/token-set.ts";
import type { JwtVerifier } from "@smart-token-broker/auth-core/use-cases/authenticate.ts";
import type { Ports } from "@smart-token-broker/auth-core/use-cases/ports.ts";
import { RevokedKeys, type RevokedKeyTable } from "@smart-token-broker/auth-core/use-cases/revoked-keys.ts";
import { TokenService } from "@smart-token-broker/auth-core/use-cases/token-service.ts";
import { type Client, ClientAuthenticator, notAccepted } from "../use-cases/authenticate.ts";
import { ConnectionFinder, type FinderPorts, noSuchConnection } from "../use-cases/find-connection.ts";
import { readForm } from "../rules/form.ts";
import { type GrantRequest, readGrantRequest, readVendorRequest } from "../rules/grant-request.ts";
import { type HandlePorts, IssuedHandles } from "../use-cases/issued-handles.ts";
import { metadataResponse } from "./metadata.ts";
import { namedToken } from "../use-cases/named-token.ts";
import { type OAuthError, oauthError } from "../rules/oauth-error.ts";
import { oauthErrorResponse, oauthTokenResponse } from "./oauth-response.ts";

/** The ports of a token service, of the finder, and of caller keys. */
type OAuthPorts = Ports & FinderPorts & HandlePorts & { revokedKeys: RevokedKeyTable };

/** Seconds that a token should have left. Callers of these routes cannot choose. */
const minTtl = 60;

/**
 * The routes for callers that are not on AWS. The gateway has no authorizer here: the credential is in the request.
 * Until a credential is accepted, the only I/O is fetching the keys of an issuer that the list of callers names, and
 * reading whether a listed key is revoked or a refresh handle was issued.
 */
export class OAuthEndpoint {
  readonly #authenticator: ClientAuthenticator;
  readonly #revoked: RevokedKeys;
  /** Of the keys of all callers. */
  readonly #hashes: string[];
  readonly #handles: IssuedHandles;
  readonly #finder: ConnectionFinder;
  readonly #tokens: TokenService;
  readonly #ports: OAuthPorts;
  readonly #settings: Settings;

  constructor(callers: Caller[], ports: OAuthPorts, verifier: JwtVerifier, settings: Settings) {
    this.#hashes = callers.flatMap((caller) => (caller.kind === "key" ? caller.keySha256 : []));
    this.#handles = new IssuedHandles(ports, this.#hashes);
    this.#revoked = new RevokedKeys(ports);
    this.#authenticator = new ClientAuthenticator(callers, verifier, {
      ...ports,
      issuedHandles: this.#handles,
      revoked: this.#revoked,
    });
    this.#finder = new ConnectionFinder(ports);
    this.#tokens = new TokenService(ports);
    this.#ports = ports;
    this.#settings = settings;
  }

  /** Reads the revoked keys before the first request, which otherwise waits for it. If that fails, the request reads them. */
  warmUp(): void {
    const [some] = this.#hashes;
    if (some !== undefined) this.#revoked.has(some).catch(() => undefined);
  }

  /** Answers a request of any of the routes. */
  readonly answer = async (event: Event): Promise<HttpResponse> => {
    if (event.routeKey === "GET /.well-known/oauth-authorization-server") {
      // API Gateway is always https; only the gateway of the local run is not.
      return metadataResponse(event.requestContext.domainName, this.#settings.allowLoopbackHttp ? "http" : "https");
    }
    const { authorization, origin } = event.headers;
    const { requestId } = event.requestContext;
    const request = await readRequest(event);
    // If the request has an Authorization header, the error says how to use it.
    if (request.kind === "oauth_error") return oauthErrorResponse(request, requestId, authorization !== undefined);

    const caller = await this.#callerOf(request, origin);
    if (caller.kind === "oauth_error") {
      const rejection = oauthErrorResponse(caller, requestId, request.basic);
      return { ...rejection, line: { ...rejection.line, ...(!caller.failure && originLine(origin)) } };
    }
    const found = await this.#connectionFor(caller, request);
    if (found.kind === "oauth_error") {
      return withCaller(oauthErrorResponse(found, requestId), [...caller.allowed.values()][0]?.[0]);
    }
    return this.#tokenOf(found.connection, caller, request, requestId);
  };

  /** Authenticates the client, if it sent a credential of its own, and then the grant. */
  async #callerOf(request: GrantRequest, origin: string | undefined): Promise<Client | OAuthError> {
    const { client, credential, clientId, connection, notAcceptedError } = request;
    const authenticated = client && (await this.#authenticator.authenticate(client, { origin, clientId }));
    if (authenticated?.kind === "oauth_error") return authenticated;
    const claimed = client ? { origin } : { origin, clientId };
    const caller = await this.#authenticator.authenticate(credential, claimed);
    if (caller.kind === "oauth_error") {
      return caller.error === "invalid_client" ? { ...caller, error: notAcceptedError } : caller;
    }
    // A refresh token belongs to the client that got it (RFC 6749 §6).
    const isOwn =
      connection === undefined || authenticated?.allowed.get(connection)?.[0] === caller.allowed.get(connection)?.[0];
    return authenticated && !isOwn ? { ...notAccepted, error: notAcceptedError } : caller;
  }

  async #connectionFor(
    { allowed }: Client,
    request: GrantRequest,
  ): Promise<{ kind: "found"; connection: ConnectionId } | OAuthError> {
    const { connection } = request;
    if (connection === undefined) return this.#finder.find(new Set(allowed.keys()), request);
    if (!allowed.has(connection)) {
      return oauthError(
        "invalid_grant",
        "This caller may not use the connection of this refresh_token. Use another grant.",
      );
    }
    // A refresh cannot change the connection: `scope` must name the same one (RFC 6749 §6).
    return this.#finder.find(new Set([connection]), request);
  }

  async #tokenOf(
    connection: ConnectionId,
    caller: Client,
    request: GrantRequest,
    requestId: string,
  ): Promise<HttpResponse> {
    const { username, scope, rejectedSha256, issuedTokenType } = request;
    const entry = caller.allowed.get(connection)?.[0];
    const reporter = [entry, caller.user].filter((part) => part !== undefined).join(" ");
    const requirements = rejectedSha256 === undefined ? { minTtl } : { minTtl: 0, rejectedSha256, reporter };
    const names = {
      username: username ?? caller.names?.username,
      scope: scope === undefined || scope === connection ? caller.names?.scope : scope,
    };
    const answer = await namedToken(this.#tokens, this.#ports, connection, requirements, names);
    if (answer.kind === "other_names") {
      this.#finder.forget(connection);
      // The handle has ended: it was issued for the token of other names.
      const error = caller.names ? { ...notAccepted, error: request.notAcceptedError } : noSuchConnection(username);
      const rejection = withCaller(oauthErrorResponse(error, requestId), entry);
      return { ...rejection, line: { ...rejection.line, connection } };
    }
    // The connection may have got its first token: then its names are in the index from now on.
    if (answer.kind === "token" && answer.source === "upstream") this.#finder.forgetMisses();
    const refreshToken =
      answer.kind === "token" ? await this.#refreshTokenOf(connection, answer.set, caller, request) : undefined;
    const now = this.#ports.clock.now();
    const response = withCaller(oauthTokenResponse(answer, now, requestId, { refreshToken, issuedTokenType }), entry);
    const line = { ...response.line, connection, ...validityFields(answer, requirements.minTtl, now) };
    return { ...response, line };
  }

  /** A refresh returns the same handle. A caller with a JWT gets none: it has another JWT by then. */
  async #refreshTokenOf(
    connection: ConnectionId,
    { username, registeredScope: scope }: TokenSet,
    { keySha256 }: Client,
    request: GrantRequest,
  ) {
    if (request.connection !== undefined) return request.credential.value;
    if (!request.issuesHandle || keySha256 === undefined) return undefined;
    return this.#handles.issue(connection, keySha256, { username, scope });
  }
}

async function readRequest(event: Event): Promise<GrantRequest | OAuthError> {
  const isVendor = event.routeKey === "POST /api/v1/auth/token";
  const form = await readForm(event, { json: !isVendor });
  if (form.kind === "oauth_error") return form;
  return isVendor ? readVendorRequest(form.fields) : readGrantRequest(form.fields, event.headers["authorization"]);
}

/** Names the caller in the request's log line, if one is known. */
function withCaller(response: HttpResponse, caller: string | undefined): HttpResponse {
  return caller === undefined ? response : { ...response, line: { ...response.line, callerRole: caller } };
}
