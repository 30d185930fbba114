import { requestErrors } from "@smart-token-broker/oauth/rules/oauth-error.ts";
import { callFailures } from "@smart-token-broker/auth-core/rules/call-failures.ts";
import { failureCatalogue, failureCodes } from "@smart-token-broker/auth-core/rules/failure-catalogue.ts";
import { accessTokenType } from "@smart-token-broker/oauth/rules/grant-request.ts";
import { oauthTokenRequest, rejectedToken, type Schema, vendorTokenRequest } from "./openapi-requests.ts";

const failures = Object.values(failureCatalogue);
const statusesOf = (all: readonly { status: number }[]) => [...new Set(all.map(({ status }) => status))];
const text = { type: "string" };
const url = { type: "string", format: "uri" };
const texts = { type: "array", items: text };
const code = {
  enum: failureCodes,
  description: "A minor version may add a code: treat an unknown one by its HTTP status.",
};
const oauthErrors = [...new Set([...Object.keys(requestErrors), ...failures.map(({ oauthError }) => oauthError)])];
const accessToken = { ...text, description: "Send it to Smart Services as `Authorization: Bearer`." };
const registeredScope = { ...text, description: "Scope in the connection's registration, if it differs from scope." };
const apiBaseUrl = { ...url, description: "Base URL of the business API, if it is registered." };
const expiresIn = { type: "integer", minimum: 0, description: "Remaining time of the token in seconds." };

function answer(properties: Record<string, Schema>, optional: string[] = []): Schema {
  return { type: "object", properties, required: Object.keys(properties).filter((name) => !optional.includes(name)) };
}

function problem(statuses: number[], codes: Schema): Schema {
  const type = { ...url, pattern: "^urn:smart-token-broker:" };
  return answer({ type, title: text, status: { enum: statuses }, code: codes, detail: text, request_id: text });
}

const instant = { type: "string", format: "date-time" };
const connectionStatus: Schema = {
  description: "The status of a connection, without secrets.",
  ...answer(
    {
      connection: text,
      state: { enum: ["fresh", "due", "retrying", "rejected", "expired", "not_ready", "removed"] },
      generation: { type: "integer", minimum: 0 },
      access_token_expires_at: instant,
      refresh_token_expires_at: instant,
      last_success_at: instant,
      obtained_by: { enum: ["api_key", "refresh_token"] },
      scope: text,
      api_base_url: url,
      single_active_token: { type: "boolean" },
      key_fingerprint: text,
      key_age_days: { type: "integer" },
      retiring_keys: {
        type: "array",
        items: answer({ fingerprint: text, since: instant, retirable_at: instant }),
      },
      failures: { type: "integer", minimum: 0 },
      last_error: answer({ code, detail: text, at: instant }),
      next_action: answer({ what: { ...text, description: "For people: the text may change." }, at: instant }),
    },
    [
      "access_token_expires_at",
      "refresh_token_expires_at",
      "last_success_at",
      "obtained_by",
      "scope",
      "api_base_url",
      "single_active_token",
      "key_fingerprint",
      "key_age_days",
      "last_error",
      "next_action",
    ],
  ),
};

/** Every body of the contract. The broker ignores unknown fields of requests. */
export const schemas = {
  Token: answer(
    {
      access_token: accessToken,
      token_type: { const: "Bearer" },
      expires_in: expiresIn,
      expires_at: { type: "string", format: "date-time" },
      scope: text,
      generation: { type: "integer", minimum: 1, description: "Grows by one with every new token." },
      api_base_url: apiBaseUrl,
      registered_scope: registeredScope,
    },
    ["api_base_url", "registered_scope"],
  ),
  RejectedToken: rejectedToken,
  Problem: { description: "RFC 9457.", ...problem(statusesOf(failures), code) },
  CallProblem: {
    description: "RFC 9457, with a code that only calls have.",
    ...problem(statusesOf(Object.values(callFailures)), { ...code, enum: Object.keys(callFailures) }),
  },
  VendorTokenRequest: vendorTokenRequest,
  OAuthTokenRequest: oauthTokenRequest,
  OAuthToken: {
    description: "RFC 6749 §5.1; for a token exchange RFC 8693 §2.2.",
    ...answer(
      {
        access_token: accessToken,
        token_type: { const: "Bearer" },
        expires_in: expiresIn,
        scope: text,
        refresh_token: { ...text, description: "Issued by the broker; never a refresh token of Smart Services." },
        issued_token_type: { const: accessTokenType },
        api_base_url: apiBaseUrl,
        registered_scope: registeredScope,
      },
      ["refresh_token", "issued_token_type", "api_base_url", "registered_scope"],
    ),
  },
  OAuthError: {
    description: "RFC 6749 §5.2, with the broker's code if the broker failed.",
    ...answer({ error: { enum: oauthErrors }, error_description: text, code, request_id: text }, ["code"]),
  },
  OAuthMetadata: {
    description: "RFC 8414.",
    ...answer({
      issuer: url,
      token_endpoint: url,
      grant_types_supported: texts,
      response_types_supported: texts,
      token_endpoint_auth_methods_supported: texts,
      token_endpoint_auth_signing_alg_values_supported: texts,
    }),
  },
  Status: connectionStatus,
  StatusPage: answer({ connections: { type: "array", items: connectionStatus }, next_cursor: text }, ["next_cursor"]),
  GatewayError: { description: "From the gateway, not from the broker.", ...answer({ message: text }) },
};

export type SchemaName = keyof typeof schemas;
