import { oauthTokenResponse, oauthErrorResponse } from "@smart-token-broker/oauth/oauth-response.ts";
import {
  tokenResponse,
  problemDetails,
  jsonResponse,
  type HttpResponse,
} from "@smart-token-broker/auth-core/http/response.ts";
import type { FailureCode } from "@smart-token-broker/auth-core/rules/failure.ts";
import { toOAuthError, type OAuthErrorCode } from "@smart-token-broker/oauth/oauth-error.ts";
import { Secret } from "@smart-token-broker/auth-core/rules/secret.ts";
import type { Answer as TokenAnswer } from "@smart-token-broker/auth-core/use-cases/token-service.ts";
import type { SchemaName } from "./openapi-schemas.ts";

/** One answer that a route can give, as it is documented. */
export interface Answer {
  status: number;
  /** Tells it from the route's other answers: for a failure its code. */
  name: string;
  meaning: string;
  type: string;
  schema: SchemaName;
  headers: string[];
  /** An example. */
  body: object;
}

/** Every header that the broker sets, but the type of the content. */
export const headerMeanings: Record<string, string> = {
  "Cache-Control": "With every answer of the broker's own.",
  Pragma: "For caches of HTTP/1.0 (RFC 6749 §5.1).",
  "Retry-After": "Whole seconds after which asking again makes sense. The gateway's own answers do not have it.",
  "WWW-Authenticate": "Where the credential came in the Authorization header.",
};

/** Of each failure: an example of its detail, what the caller is to do, and whether it is told when to ask again. */
const failures: Record<FailureCode, { detail: string; meaning: string; retryAfter?: number }> = {
  invalid_request: {
    detail: "min_ttl must be one whole number of seconds from 0 to 1800",
    meaning: "Fix the request; the detail names the field.",
  },
  unknown_connection: {
    detail: "there is no secret for this connection, or it is scheduled for deletion",
    meaning: "There is no such secret, or it is scheduled for deletion.",
  },
  connection_not_ready: {
    detail: "the secret has no value yet",
    meaning: "The secret has no usable value or cannot be decrypted; the detail names what is missing.",
  },
  too_soon: {
    detail: "this connection's token was replaced or tried a moment ago; keep what you have, or ask again later",
    meaning: "This connection was replaced or tried a moment ago; come back after Retry-After.",
    retryAfter: 30,
  },
  credentials_rejected: {
    detail: "Smart Services refused the API key (HTTP status 401)",
    meaning: "Smart Services refused the API key: an operator must put a working one.",
  },
  upstream_malformed: {
    detail: "Smart Services answered in a shape that is not known",
    meaning: "Smart Services answered in a shape nobody knows, with over 64 KiB, or with a redirect.",
    retryAfter: 5,
  },
  upstream_unavailable: {
    detail: "Smart Services failed (HTTP status 503)",
    meaning: "Passing; come back after Retry-After.",
    retryAfter: 5,
  },
  unavailable: {
    detail: "the broker's table does not answer",
    meaning: "The broker's own table or secret store, or an issuer of JWTs, does not answer. Passing.",
    retryAfter: 1,
  },
  internal: {
    detail: "the broker failed in a way that it does not know; its log has more under this request_id",
    meaning: "A bug; the log has it under the request's id.",
  },
};

const now = 1_795_507_200;

function token(apiBaseUrl?: string): TokenAnswer {
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
    ...(apiBaseUrl !== undefined && { apiBaseUrl }),
  };
  return { kind: "token", set, generation: 17, source: "memory" };
}

/** What the replies of the handlers themselves say: status, headers and form are theirs, not repeated here. */
function answer(name: string, meaning: string, schema: SchemaName, { status, headers, body }: HttpResponse): Answer {
  const isSet = (header: string) => Object.hasOwn(headers, header.toLowerCase());
  const type = headers["content-type"] ?? "";
  return { status, name, meaning, type, schema, body, headers: Object.keys(headerMeanings).filter(isSet) };
}

const requestId = "HKf2dhXxsu8EMYA=";

/** The answers of a token route: a token, or one of these problems. */
export function tokenAnswers(codes: FailureCode[]): Answer[] {
  const withBaseUrl = token("https://apicorso.teamsystem.io");
  return [
    answer("token", "A token that is valid now.", "Token", tokenResponse(token(), now, requestId)),
    answer(
      "with_api_base_url",
      "The same, where it is registered where the token is to be used.",
      "Token",
      tokenResponse(withBaseUrl, now, requestId),
    ),
    ...codes.map((code) =>
      answer(code, failures[code].meaning, "Problem", problemDetails({ code, ...failures[code] }, requestId)),
    ),
  ];
}

/** The answers of a status route: a status or a page of them, or one of these problems. */
export function statusAnswers(schema: "Status" | "StatusPage", body: object, codes: FailureCode[]): Answer[] {
  return [
    answer("status", "How it is now, by the table; eventually consistent.", schema, jsonResponse(body)),
    ...codes.map((code) =>
      answer(code, failures[code].meaning, "Problem", problemDetails({ code, ...failures[code] }, requestId)),
    ),
  ];
}

/** What a token endpoint answers a caller that it lets have a token, by how the caller came. */
export const oauthTokens = {
  token: ["To a JWT: no refresh token.", {}],
  with_refresh_token: [
    "To a caller key. The refresh token is worth as much as the key, and dies with it.",
    { refreshToken: new Secret("fake-refresh-token") },
  ],
  token_exchange: [
    "To a token exchange (RFC 8693 §2.2).",
    { issuedTokenType: "urn:ietf:params:oauth:token-type:access_token" },
  ],
} as const;

/** The answers of a token endpoint: these tokens, these errors of its own, and every failure that getting a token has. */
export function oauthAnswers(
  tokens: (keyof typeof oauthTokens)[],
  errors: Partial<Record<OAuthErrorCode, { description: string; meaning: string; basic?: boolean }>>,
): Answer[] {
  const codes = (Object.keys(failures) as FailureCode[]).filter((code) => code !== "invalid_request");
  return [
    ...tokens.map((name) => {
      const [meaning, more] = oauthTokens[name];
      return answer(name, meaning, "OAuthToken", oauthTokenResponse(token(), now, more));
    }),
    ...(Object.keys(errors) as OAuthErrorCode[]).map((error) => {
      const { description = "", meaning = "", basic = false } = errors[error] ?? {};
      return answer(error, meaning, "OAuthError", oauthErrorResponse({ error, description }, basic));
    }),
    ...codes.map((code) =>
      answer(code, failures[code].meaning, "OAuthError", oauthErrorResponse(toOAuthError({ code, ...failures[code] }))),
    ),
  ];
}

const gatewayMessages: [status: number, message: string, meaning: string][] = [
  [400, "Bad Request", "The request line cannot be read."],
  [403, "Forbidden", "Not signed, signed wrongly, a clock over 5 minutes off, or not allowed by IAM."],
  [404, "Not Found", "No such route: another path or method than the documented ones."],
  [413, "Request Entity Too Large", "A body over 10 MB."],
  [429, "Too Many Requests", "Over the throttle of the route."],
  [500, "Internal Server Error", "The function failed or timed out."],
  [503, "Service Unavailable", "No answer from the function in 30 s."],
];

/** What the gateway answers itself, in a form of its own. It refuses callers (403) only where IAM decides. */
export function gatewayAnswers(of: { iam: boolean }): Answer[] {
  return gatewayMessages
    .filter(([status]) => of.iam || status !== 403)
    .map(([status, message, meaning]) => ({
      status,
      name: "gateway",
      meaning: `The gateway's own. ${meaning}`,
      type: "application/json",
      schema: "GatewayError",
      headers: [],
      body: { message },
    }));
}
