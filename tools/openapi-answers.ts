import { callFailureTexts, failureTexts } from "@smart-token-broker/auth-core/failure-texts.ts";
import {
  type HttpResponse,
  jsonResponse,
  problemDetails,
  tokenResponse,
} from "@smart-token-broker/auth-core/http/response.ts";
import { type CallFailureCode, callFailures } from "@smart-token-broker/auth-core/rules/call-failures.ts";
import { type FailureCode, failureCodes } from "@smart-token-broker/auth-core/rules/failure-catalogue.ts";
import { Secret } from "@smart-token-broker/auth-core/rules/secret.ts";
import type { Answer as TokenAnswer } from "@smart-token-broker/auth-core/use-cases/token-service.ts";
import { failureResponse } from "@smart-token-broker/calls/edges/endpoint.ts";
import { accessTokenType, type GrantRequest } from "@smart-token-broker/oauth/rules/grant-request.ts";
import { type OAuthError, toOAuthError } from "@smart-token-broker/oauth/rules/oauth-error.ts";
import { oauthErrorResponse, oauthTokenResponse } from "@smart-token-broker/oauth/edges/oauth-response.ts";
import type { SchemaName } from "./openapi-schemas.ts";

/** One response of a route, as it is documented. */
export interface Answer {
  status: number;
  /** Distinguishes it from the route's other responses: for a failure its code. */
  name: string;
  meaning: string;
  type: string;
  schema: SchemaName;
  headers: string[];
  /** An example. */
  body: object;
}

/** Every header that the broker sets, except Content-Type. */
export const headerMeanings: Record<string, string> = {
  "Cache-Control": "In every response of the broker.",
  Pragma: "For HTTP/1.0 caches (RFC 6749 §5.1).",
  "Retry-After": "Whole seconds after which to retry. API Gateway's own responses do not have it.",
  "WWW-Authenticate": "With 401. On the token endpoints only if the request has an Authorization header.",
  "Broker-Response": "Of a call: `api` if the business API answered, `broker` if the broker did.",
};

/** The cause of a failure, and what the caller does. */
const meaningOf = (code: FailureCode) => `${failureTexts[code].cause} ${failureTexts[code].action}`;

const now = 1_795_507_200;
const requestId = "HKf2dhXxsu8EMYA=";

function token(): TokenAnswer {
  const set = {
    accessToken: new Secret("fake-access-token"),
    accessTokenExpiresAt: now + 3012,
    obtainedAt: now - 588,
    obtainedBy: "api_key" as const,
    scope: "webapicorso_alywebapicorso",
    keyFingerprint: "0123456789abcdef",
    credentialFingerprint: "0123456789abcdef",
    singleActiveToken: false,
    dueAt: now + 1212,
    apiBaseUrl: "https://apicorso.teamsystem.io",
  };
  return { kind: "token", set, generation: 17, source: "memory" };
}

/** Takes status, headers and body from the response that the handlers' own code makes. */
export function answer(
  name: string,
  meaning: string,
  schema: SchemaName,
  { status, headers, body }: HttpResponse,
): Answer {
  const isSet = (header: string) => Object.hasOwn(headers, header.toLowerCase());
  const type = headers["content-type"] ?? "";
  return { status, name, meaning, type, schema, body, headers: Object.keys(headerMeanings).filter(isSet) };
}

/** The token responses of the routes for callers with an IAM role. */
export const tokenAnswers: Answer[] = [
  answer("token", "A token that is valid now.", "Token", tokenResponse(token(), now, requestId)),
];

export function statusAnswer(schema: "Status" | "StatusPage", body: object): Answer {
  return answer("status", "The status in the table. Eventually consistent.", schema, jsonResponse(body));
}

/** The failures of a route as problem details; `details` are the route's own examples. */
export function problemAnswers(
  details: Partial<Record<FailureCode, string>>,
  codes: readonly FailureCode[] = failureCodes,
): Answer[] {
  return codes.map((code) => {
    const { example } = failureTexts[code];
    const failure = { ...example, code, detail: details[code] ?? example.detail };
    return answer(code, meaningOf(code), "Problem", problemDetails(failure, requestId));
  });
}

/** The failures of a call. A call reports no token, so none comes too soon. */
export function callAnswers(): Answer[] {
  const shared = failureCodes.filter((code) => code !== "too_soon");
  const invalid = { detail: "The path after /api/ has an empty segment or a slash at its end." };
  return [
    ...shared.map((code) => {
      const failure = { ...failureTexts[code].example, code, ...(code === "invalid_request" && invalid) };
      return answer(code, meaningOf(code), "Problem", failureResponse(failure, requestId));
    }),
    ...(Object.keys(callFailures) as CallFailureCode[]).map((code) => {
      const { cause, action, example } = callFailureTexts[code];
      return answer(code, `${cause} ${action}`, "CallProblem", failureResponse({ ...example, code }, requestId));
    }),
  ];
}

/** The token responses of the token endpoints, by how the caller authenticates. */
export const oauthTokens = {
  token: answer(
    "token",
    "For a JWT and for client credentials: no refresh token.",
    "OAuthToken",
    oauthTokenResponse(token(), now, requestId, {}),
  ),
  with_refresh_token: answer(
    "with_refresh_token",
    "For a caller key in the vendor's form, and for its refresh. The refresh token is random, gives access to this connection, and ends with the key or the connection. It is missing while the table is unavailable.",
    "OAuthToken",
    oauthTokenResponse(token(), now, requestId, { refreshToken: new Secret("fake-refresh-token") }),
  ),
  token_exchange: answer(
    "token_exchange",
    "For a token exchange (RFC 8693 §2.2).",
    "OAuthToken",
    oauthTokenResponse(token(), now, requestId, { issuedTokenType: accessTokenType }),
  ),
};

/** The errors of a token endpoint: its own, as the code makes them, and every failure of getting a token. */
export function oauthErrors(own: { error: GrantRequest | OAuthError; meaning: string; basic?: boolean }[]): Answer[] {
  const ownErrors = own.map(({ error, meaning, basic }) => {
    if (error.kind !== "oauth_error") throw new Error(`no error: ${meaning}`);
    return answer(error.error, meaning, "OAuthError", oauthErrorResponse(error, requestId, basic));
  });
  const brokerFailures = failureCodes
    .filter((code) => code !== "invalid_request")
    .map((code) => {
      const error = toOAuthError({ ...failureTexts[code].example, code });
      return answer(code, meaningOf(code), "OAuthError", oauthErrorResponse(error, requestId));
    });
  return [...ownErrors, ...brokerFailures];
}

const gatewayMessages: [status: number, message: string, meaning: string][] = [
  [400, "Bad Request", "The request line is not valid."],
  [403, "Forbidden", "No valid signature, a clock that is wrong by more than 5 minutes, or IAM does not allow it."],
  [404, "Not Found", "No such route."],
  [413, "Request Entity Too Large", "The body has more than 10 MB."],
  [429, "Too Many Requests", "The route is throttled."],
  [500, "Internal Server Error", "The function failed or timed out."],
  [503, "Service Unavailable", "The function did not answer in 30 s."],
];

const noOpenRoute =
  "No such route. It exists only if an entry of `callers` needs it: a caller key, an issuer or `calls`.";

/** The gateway's own responses, in its own form. It rejects callers (403) only on routes where IAM decides. */
export function gatewayAnswers(of: { iam: boolean }): Answer[] {
  return gatewayMessages
    .filter(([status]) => of.iam || status !== 403)
    .map(([status, message, meaning]) => ({
      status,
      name: "gateway",
      meaning: `From the gateway: ${!of.iam && status === 404 ? noOpenRoute : meaning}`,
      type: "application/json",
      schema: "GatewayError",
      headers: [],
      body: { message },
    }));
}
