import type { APIGatewayProxyEventV2 as Event } from "aws-lambda";
import { refreshHandle } from "@smart-token-broker/auth-core/rules/caller-key.ts";
import type { Caller } from "@smart-token-broker/auth-core/rules/callers.ts";
import { type GrantRequest, grantTypes, readGrantRequest, readVendorRequest } from "./grant-request.ts";
import { jwtAlgorithms } from "@smart-token-broker/auth-core/rules/jwt.ts";
import type { OAuthError } from "./oauth-error.ts";
import type { Settings } from "@smart-token-broker/auth-core/rules/settings.ts";
import { type Authenticated, Authenticator, type JwtVerifier } from "./authenticate.ts";
import { ConnectionFinder } from "./find-connection.ts";
import type { Ports } from "@smart-token-broker/auth-core/use-cases/ports.ts";
import { TokenService } from "@smart-token-broker/auth-core/use-cases/token-service.ts";
import { type Form, readForm } from "./form.ts";
import { oauthTokenResponse, oauthErrorResponse } from "./oauth-response.ts";
import { type HttpResponse, validityFields } from "@smart-token-broker/auth-core/http/response.ts";

/** Seconds that a token should have left: what a caller of these routes cannot ask for. */
const minTtl = 60;

/**
 * The routes for callers who are not on AWS. Whoever they are is in the body, so the gateway lets everybody through:
 * nothing here does I/O before a credential was accepted, but asking an issuer that the list names for its keys.
 */
export class OAuthEndpoint {
  readonly #authenticator: Authenticator;
  readonly #finder: ConnectionFinder;
  readonly #tokens: TokenService;
  readonly #ports: Ports;
  readonly #settings: Settings;

  constructor(callers: Caller[], ports: Ports, verifier: JwtVerifier, settings: Settings) {
    this.#authenticator = new Authenticator(callers, verifier);
    this.#finder = new ConnectionFinder(ports);
    this.#tokens = new TokenService(ports);
    this.#ports = ports;
    this.#settings = settings;
  }

  /** Answers a request of any of the routes. */
  readonly answer = async (event: Event): Promise<HttpResponse> => {
    switch (event.routeKey) {
      case "GET /.well-known/oauth-authorization-server":
        return this.#metadata(event);
      case "POST /api/v1/auth/token":
        return this.#answerForm(event, { json: false }, readVendorRequest);
      default:
        return this.#answerForm(event, { json: true }, (form) =>
          readGrantRequest(form, event.headers["authorization"]),
        );
    }
  };

  async #answerForm(
    event: Event,
    allow: { json: boolean },
    read: (form: Form) => GrantRequest | OAuthError,
  ): Promise<HttpResponse> {
    const form = await readForm(event, allow);
    if ("error" in form) return oauthErrorResponse(form);
    const request = read(form);
    // Whoever tried the Authorization header is told how to use it, however badly it was tried.
    if ("error" in request) return oauthErrorResponse(request, event.headers["authorization"] !== undefined);
    return this.#grant(request, event.headers["origin"]);
  }

  async #grant(request: GrantRequest, origin: string | undefined): Promise<HttpResponse> {
    const who = await this.#authenticator.authenticate(request.credential, {
      ...(origin !== undefined && { origin }),
      ...(request.name !== undefined && { name: request.name }),
    });
    if ("error" in who) {
      const error = who.error === "invalid_client" ? request.ifRefused : who.error;
      return oauthErrorResponse({ ...who, error }, request.basic);
    }
    const found =
      request.connection === undefined
        ? await this.#finder.find(new Set(who.allowed.keys()), request)
        : { connection: request.connection };
    if ("error" in found) return refusalOf(who, found);
    const { connection } = found;
    const caller = who.allowed.get(connection);
    if (caller === undefined) {
      return refusalOf(who, { error: "invalid_grant", description: "this connection is not the caller's any more" });
    }
    const { rejectedSha256 } = request;
    const requirements = rejectedSha256 === undefined ? { minTtl } : { minTtl: 0, rejectedSha256 };
    const answer = await this.#tokens.get(connection, requirements);
    const now = this.#ports.clock.now();
    const reply = oauthTokenResponse(answer, now, {
      // A JWT is asked for again by its bearer, who has another by then; a page must never hold anything longer-lived.
      refreshToken: who.key && refreshHandle(connection, who.key),
      issuedTokenType: request.issuedTokenType,
    });
    return {
      ...reply,
      line: { ...reply.line, connection, callerRole: caller, ...validityFields(answer, requirements.minTtl, now) },
    };
  }

  /** RFC 8414: what an OAuth library wants to know before it asks. */
  #metadata(event: Event): HttpResponse {
    // The gateway is always https; only the local run's stand-in is not.
    const issuer = `${this.#settings.allowLoopbackHttp ? "http" : "https"}://${event.requestContext.domainName}`;
    return {
      status: 200,
      headers: { "content-type": "application/json", "cache-control": "public, max-age=300" },
      body: {
        issuer,
        token_endpoint: `${issuer}/oauth/token`,
        grant_types_supported: grantTypes,
        response_types_supported: [],
        token_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post", "private_key_jwt"],
        token_endpoint_auth_signing_alg_values_supported: jwtAlgorithms,
      },
      line: { code: "ok", source: "none" },
    };
  }
}

/** The answer to a caller who is known, and asks for what it may not have. */
function refusalOf({ allowed }: Authenticated, failure: OAuthError): HttpResponse {
  const reply = oauthErrorResponse(failure);
  const [caller] = allowed.values();
  return { ...reply, line: { ...reply.line, ...(caller !== undefined && { callerRole: caller }) } };
}
