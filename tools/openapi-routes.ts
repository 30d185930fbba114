import { connectionIdPattern, connectionIdRule } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { invalidConnection } from "@smart-token-broker/auth-core/rules/failure.ts";
import { callRequestHeaders, callResponseHeaders } from "@smart-token-broker/auth-core/rules/callers/call-headers.ts";
import { callMethods } from "@smart-token-broker/auth-core/rules/callers/call-rules.ts";
import { failureCodes } from "@smart-token-broker/auth-core/rules/failure-catalogue.ts";
import { notAccepted } from "@smart-token-broker/oauth/use-cases/authenticate.ts";
import { noSuchConnection } from "@smart-token-broker/oauth/use-cases/find-connection.ts";
import { readGrantRequest, readVendorRequest } from "@smart-token-broker/oauth/rules/grant-request.ts";
import { metadataResponse } from "@smart-token-broker/oauth/edges/metadata.ts";
import { noStatus } from "@smart-token-broker/status/rules/connection-status.ts";
import { statusQuery } from "@smart-token-broker/status/rules/status-request.ts";
import { rejectedTokenBody, tokenQuery } from "@smart-token-broker/token/rules/token-request.ts";
import { safeParse } from "valibot";
import {
  type Answer,
  answer,
  gatewayAnswers,
  oauthErrors,
  oauthTokens,
  problemAnswers,
  statusAnswer,
  tokenAnswers,
} from "./openapi-answers.ts";
import { statusParameters, tokenParameters } from "./openapi-requests.ts";
import type { SchemaName } from "./openapi-schemas.ts";

/** One route of the templates. Its fields, except `key` and `answers`, are those of an OpenAPI operation. */
export interface Route {
  /** Method and path, as in the gateway. */
  key: string;
  operationId: string;
  summary: string;
  description?: string;
  security: Record<string, never[]>[];
  parameters?: object[];
  requestBody?: object;
  answers: Answer[];
}

const iam = [{ sigV4: [] }];
const connection = {
  name: "connection",
  in: "path",
  required: true,
  description: `The connection's id: ${connectionIdRule}, without percent-encoding.`,
  schema: { type: "string", pattern: connectionIdPattern.source },
};

function body(schema: SchemaName, ...types: string[]): object {
  const content = { schema: { $ref: `#/components/schemas/${schema}` } };
  return { required: true, content: Object.fromEntries(types.map((type) => [type, content])) };
}

const status = {
  connection: "webapicorso",
  state: "fresh",
  generation: 17,
  access_token_expires_at: "2026-11-24T07:00:00Z",
  refresh_token_expires_at: "2026-12-24T06:00:00Z",
  last_success_at: "2026-11-24T06:00:00Z",
  obtained_by: "refresh_token",
  scope: "webapicorso_alywebapicorso",
  single_active_token: false,
  key_fingerprint: "9ee82c6d537e872e",
  key_age_days: 12,
  retiring_keys: [],
  failures: 0,
  next_action: { what: "replacement by refresh token in 12 min", at: "2026-11-24T06:30:00Z" },
};

/** What a handler's schema says about an invalid value. */
function ruleOf(schema: Parameters<typeof safeParse>[0], value: object): string {
  return safeParse(schema, value).issues?.[0].message ?? "";
}

const clientNotAccepted = { error: notAccepted, meaning: "The credential is not accepted." };
const noConnection = (username?: string) => ({
  error: noSuchConnection(username),
  meaning: `No connection that the caller may use has this ${username === undefined ? "" : "username and "}scope, or more than one has, or the caller did not name one.`,
});
const invalidForm = "The body is not valid or has more than 16 KiB, or a field is missing, duplicate or wrong. Fix it.";

/** Method and path of calls are no OpenAPI: a path parameter cannot have a `/`. */
export const calls = {
  path: "/v1/connections/{connection}/api/{path}",
  methods: callMethods,
  summary: "Call the business API with the connection's token, which the caller never gets",
  description:
    "An extension of this document, because `path` may have slashes, which OpenAPI allows in no path parameter. The routes exist only if an entry of `callers` has `calls`, with the methods and paths that it may use. `path` is below the connection's `apiBaseUrl`; a segment `{scope}` (`%7Bscope%7D`) stands for the connection's scope. Request and response bodies have at most 4,500,000 bytes, and are not changed. A response with `Broker-Response: api` is that of the business API. The gateway answers as on the other routes.",
  security: [{ bearer: [] }, { basic: [] }],
  parameters: [
    connection,
    { name: "path", in: "path", required: true, description: "One or more segments.", schema: { type: "string" } },
  ],
  requestHeaders: ["accept-encoding", ...callRequestHeaders].join(", "),
  responseHeaders: [...callResponseHeaders, "location", "link", "cache-control"].join(", "),
};

export const routes: Route[] = [
  {
    key: "GET /v1/connections/{connection}/token",
    operationId: "getToken",
    summary: "Get a valid access token",
    security: iam,
    parameters: [connection, ...tokenParameters],
    answers: [
      ...tokenAnswers,
      ...problemAnswers(
        { invalid_request: ruleOf(tokenQuery, { min_ttl: "" }) },
        failureCodes.filter((code) => code !== "too_soon"),
      ),
      ...gatewayAnswers({ iam: true }),
    ],
  },
  {
    key: "POST /v1/connections/{connection}/token",
    operationId: "replaceRejectedToken",
    summary: "Get another access token in place of one that Smart Services rejected",
    description:
      "The broker replaces a token at most once in 30 s, however many callers report it. If a new token invalidates the previous one, a caller that reports one token after another has to wait longer, up to 15 minutes. Cache the response. A body of more than 16 KiB is `invalid_request`.",
    security: iam,
    parameters: [connection],
    requestBody: body("RejectedToken", "application/json"),
    answers: [
      ...tokenAnswers,
      ...problemAnswers({ invalid_request: ruleOf(rejectedTokenBody, { rejected_token_sha256: "" }) }),
      ...gatewayAnswers({ iam: true }),
    ],
  },
  {
    key: "GET /v1/status",
    operationId: "listStatus",
    summary: "List connection status",
    security: iam,
    parameters: statusParameters,
    answers: [
      statusAnswer("StatusPage", { connections: [status] }),
      ...problemAnswers({ invalid_request: ruleOf(statusQuery, { limit: "" }) }, [
        "invalid_request",
        "unavailable",
        "internal",
      ]),
      ...gatewayAnswers({ iam: true }),
    ],
  },
  {
    key: "GET /v1/status/{connection}",
    operationId: "getStatus",
    summary: "Get the status of one connection, and what the broker does with it next",
    security: iam,
    parameters: [connection],
    answers: [
      statusAnswer("Status", status),
      ...problemAnswers({ invalid_request: invalidConnection.detail, unknown_connection: noStatus.detail }, [
        "invalid_request",
        "unknown_connection",
        "unavailable",
        "internal",
      ]),
      ...gatewayAnswers({ iam: true }),
    ],
  },
  {
    key: "POST /api/v1/auth/token",
    operationId: "getVendorToken",
    summary: "Get an access token with the vendor's form",
    description: "The field `token` has the credential: a caller key, or a JWT of a trusted issuer.",
    security: [],
    requestBody: body("VendorTokenRequest", "multipart/form-data", "application/x-www-form-urlencoded"),
    answers: [
      oauthTokens.token,
      oauthTokens.with_refresh_token,
      ...oauthErrors([
        { error: readVendorRequest(new Map()), meaning: invalidForm },
        clientNotAccepted,
        noConnection("admin_acme"),
      ]),
      ...gatewayAnswers({ iam: false }),
    ],
  },
  {
    key: "POST /oauth/token",
    operationId: "getOAuthToken",
    summary: "Get an access token with an OAuth grant",
    description: "The credential is in the body or, for client credentials, in the Authorization header.",
    security: [{ basic: [] }, {}],
    requestBody: body(
      "OAuthTokenRequest",
      "application/x-www-form-urlencoded",
      "multipart/form-data",
      "application/json",
    ),
    answers: [
      ...Object.values(oauthTokens),
      ...oauthErrors([
        { error: readGrantRequest(new Map(), undefined), meaning: invalidForm },
        { ...clientNotAccepted, basic: true },
        {
          error: readGrantRequest(
            new Map([
              ["grant_type", "refresh_token"],
              ["refresh_token", "fake-refresh-1"],
            ]),
            undefined,
          ),
          meaning: "The refresh token or the subject token is not accepted.",
        },
        noConnection(),
        {
          error: readGrantRequest(new Map([["grant_type", "password"]]), undefined),
          meaning: "The grant is not supported.",
        },
      ]),
      ...gatewayAnswers({ iam: false }),
    ],
  },
  {
    key: "GET /.well-known/oauth-authorization-server",
    operationId: "getOAuthMetadata",
    summary: "Authorization server metadata (RFC 8414)",
    security: [],
    answers: [
      answer("metadata", "The metadata.", "OAuthMetadata", metadataResponse("api.example.com", "https")),
      ...gatewayAnswers({ iam: false }),
    ],
  },
];
