import type { APIGatewayProxyEventV2 as Event } from "aws-lambda";
import * as v from "valibot";
import { type ConnectionId, parseConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { type Failure, invalidConnection } from "@smart-token-broker/auth-core/rules/failure.ts";
import { maxBodyBytes, readRequestBody } from "@smart-token-broker/auth-core/rules/request-body.ts";
import type { TokenRequirements } from "@smart-token-broker/auth-core/rules/tokens/token-set.ts";

/** Seconds. */
const defaultMinTtl = 60;
const maxMinTtl = 1800;

const minTtlRule = `min_ttl must be one whole number of seconds from 0 to ${maxMinTtl}.`;

/** Query parameters of `GET …/token`. Others are ignored. */
export const tokenQuery = v.object({
  min_ttl: v.optional(
    v.pipe(
      v.string(minTtlRule),
      v.regex(/^(0|[1-9]\d{0,3})$/, minTtlRule),
      v.transform(Number),
      // The OpenAPI document shows the schema of this number.
      v.number(),
      v.integer(),
      v.minValue(0),
      v.maxValue(maxMinTtl, minTtlRule),
    ),
    String(defaultMinTtl),
  ),
});

const rejectedRule = "rejected_token_sha256 must be the SHA-256 of the rejected access token, 64 hex digits.";

/** Body of `POST …/token`. Other fields are ignored. */
export const rejectedTokenBody = v.object(
  {
    rejected_token_sha256: v.pipe(v.string(rejectedRule), v.regex(/^[0-9A-Fa-f]{64}$/, rejectedRule), v.toLowerCase()),
  },
  `The body must be a JSON object. Its ${rejectedRule}`,
);

export type TokenRequest =
  | { kind: "valid"; connection: ConnectionId; requirements: TokenRequirements }
  | { kind: "invalid"; failure: Failure };

/** Parses a token request, `GET` or `POST`. */
export function readTokenRequest(event: Event): TokenRequest {
  const connection = canonicalConnection(event);
  if (!connection) return { kind: "invalid", failure: invalidConnection };
  if (event.requestContext.http.method === "POST") {
    const bytes = readRequestBody(event);
    if (!bytes) return invalid(`The body is too large. Send at most ${maxBodyBytes} bytes.`);
    const body = v.safeParse(rejectedTokenBody, readJson(bytes));
    if (!body.success) return invalid(body.issues[0].message);
    const requirements = { minTtl: 0, rejectedSha256: body.output.rejected_token_sha256 };
    return { kind: "valid", connection, requirements };
  }
  const query = v.safeParse(tokenQuery, event.queryStringParameters ?? {});
  if (!query.success) return invalid(query.issues[0].message);
  return { kind: "valid", connection, requirements: { minTtl: query.output.min_ttl } };
}

function invalid(detail: string): TokenRequest {
  return { kind: "invalid", failure: { code: "invalid_request", detail } };
}

/** The body as JSON; `undefined` if it is not JSON. */
function readJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    return undefined;
  }
}

/**
 * The connection of the path; `undefined` unless the raw path is the canonical one. IAM compares policies with the raw
 * path: with encoded spellings of an id, a caller could evade a policy.
 */
function canonicalConnection(event: Event): ConnectionId | undefined {
  const connection = parseConnectionId(event.pathParameters?.["connection"]);
  return connection && event.rawPath === `/v1/connections/${connection}/token` ? connection : undefined;
}
