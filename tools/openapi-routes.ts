import { problems } from "@smart-token-broker/auth-core/http/response.ts";
import { connectionIdPattern, connectionIdRule } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import type { FailureCode } from "@smart-token-broker/auth-core/rules/failure.ts";
import { grantTypes } from "@smart-token-broker/oauth/grant-request.ts";
import { type Answer, gatewayAnswers, oauthAnswers, statusAnswers, tokenAnswers } from "./openapi-answers.ts";
import { statusParameters, tokenParameters } from "./openapi-requests.ts";
import type { SchemaName } from "./openapi-schemas.ts";

/** One route of the templates. What is neither its key nor an answer is its operation object, as OpenAPI has it. */
export interface Route {
  /** As the gateway has it: method and path. */
  key: string;
  operationId: string;
  summary: string;
  description?: string;
  security: Record<string, never[]>[];
  parameters?: object[];
  requestBody?: object;
  answers: Answer[];
}

const codes = Object.keys(problems) as FailureCode[];
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

const form = ["application/x-www-form-urlencoded", "multipart/form-data"];
const invalidRequest = {
  description: "the field scope is missing or empty",
  meaning: "Fix the request: it cannot be read, is over 16 KiB, or a field is missing, twice or wrong.",
};
const invalidClient = {
  description: "the credential is not accepted: unknown, expired, revoked, or not for this service",
  meaning: "The credential is not accepted.",
};
const invalidScope = {
  description: "this caller has no connection with this username and scope",
  meaning: "The caller has no such connection, or has more than one and named none.",
};

export const routes: Route[] = [
  {
    key: "GET /v1/connections/{connection}/token",
    operationId: "getToken",
    summary: "An access token that is valid now",
    security: iam,
    parameters: [connection, ...tokenParameters],
    answers: [...tokenAnswers(codes.filter((code) => code !== "too_soon")), ...gatewayAnswers({ iam: true })],
  },
  {
    key: "POST /v1/connections/{connection}/token",
    operationId: "replaceRejectedToken",
    summary: "An access token in place of one that was refused",
    description: "By at most one replacement in 30 s, however many callers ask. Keep what you are given here.",
    security: iam,
    parameters: [connection],
    requestBody: body("RejectedToken", "application/json"),
    answers: [...tokenAnswers(codes), ...gatewayAnswers({ iam: true })],
  },
  {
    key: "GET /v1/status",
    operationId: "listStatus",
    summary: "How every connection is, a page at a time",
    security: iam,
    parameters: statusParameters,
    answers: [
      ...statusAnswers("StatusPage", { connections: [status] }, ["invalid_request", "unavailable", "internal"]),
      ...gatewayAnswers({ iam: true }),
    ],
  },
  {
    key: "GET /v1/status/{connection}",
    operationId: "getStatus",
    summary: "How one connection is, and what happens to it next",
    security: iam,
    parameters: [connection],
    answers: [
      ...statusAnswers("Status", status, ["invalid_request", "unknown_connection", "unavailable", "internal"]),
      ...gatewayAnswers({ iam: true }),
    ],
  },
  {
    key: "POST /api/v1/auth/token",
    operationId: "getVendorToken",
    summary: "An access token, asked for in the vendor's words",
    description: "The credential is in the body's `token`: a caller key, or a JWT of a trusted issuer.",
    security: [],
    requestBody: body("VendorTokenRequest", "multipart/form-data", "application/x-www-form-urlencoded"),
    answers: [
      ...oauthAnswers(["token", "with_refresh_token"], {
        invalid_request: invalidRequest,
        invalid_client: invalidClient,
        invalid_scope: invalidScope,
      }),
      ...gatewayAnswers({ iam: false }),
    ],
  },
  {
    key: "POST /oauth/token",
    operationId: "getOAuthToken",
    summary: "An access token, by one of OAuth's grants",
    description: "The credential is in the body, or (client credentials) in the Authorization header.",
    security: [{ basic: [] }, {}],
    requestBody: body("OAuthTokenRequest", ...form, "application/json"),
    answers: [
      ...oauthAnswers(["token", "with_refresh_token", "token_exchange"], {
        invalid_request: invalidRequest,
        invalid_client: { ...invalidClient, basic: true },
        invalid_grant: {
          description: "refresh_token is missing, or was not handed out here",
          meaning: "The refresh token or the subject token is not accepted.",
        },
        invalid_scope: invalidScope,
        unsupported_grant_type: {
          description: `grant_type must be one of ${grantTypes.join(", ")}`,
          meaning: "There are other grants here.",
        },
      }),
      ...gatewayAnswers({ iam: false }),
    ],
  },
  {
    key: "GET /.well-known/oauth-authorization-server",
    operationId: "getOAuthMetadata",
    summary: "What an OAuth library wants to know before it asks",
    security: [],
    answers: [
      {
        status: 200,
        name: "metadata",
        meaning: "The metadata (RFC 8414).",
        type: "application/json",
        schema: "OAuthMetadata",
        headers: ["Cache-Control"],
        body: {
          issuer: "https://api.example.com",
          token_endpoint: "https://api.example.com/oauth/token",
          grant_types_supported: grantTypes,
          response_types_supported: [],
          token_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post", "private_key_jwt"],
          token_endpoint_auth_signing_alg_values_supported: ["RS256", "ES256", "EdDSA"],
        },
      },
      ...gatewayAnswers({ iam: false }),
    ],
  },
];
