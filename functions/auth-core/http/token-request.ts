import type { APIGatewayProxyEventV2WithIAMAuthorizer as IamEvent } from "aws-lambda";
import * as v from "valibot";
import { type ConnectionId, parseConnectionId } from "../rules/connection-id.ts";
import type { Failure } from "../rules/failure.ts";
import type { Want } from "../rules/token-set.ts";
import { invalidConnection } from "./reply.ts";

/** Seconds. */
const defaultMinTtl = 60;
const longestMinTtl = 1800;

const minTtlRule = `min_ttl must be one whole number of seconds from 0 to ${longestMinTtl}`;

/** Query parameters of `GET …/token`; others are ignored. */
export const tokenQuery = v.object({
  min_ttl: v.optional(
    v.pipe(
      v.string(minTtlRule),
      v.regex(/^(0|[1-9]\d{0,3})$/, minTtlRule),
      v.transform(Number),
      v.maxValue(longestMinTtl, minTtlRule),
    ),
    String(defaultMinTtl),
  ),
});

/** Reads `GET /v1/connections/{connection}/token?min_ttl=…`, or says which part of it is wrong. */
export function readTokenRequest(event: IamEvent): { connection: ConnectionId; want: Want } | { failure: Failure } {
  const connection = canonicalConnection(event);
  if (!connection) return { failure: invalidConnection };
  const query = v.safeParse(tokenQuery, event.queryStringParameters ?? {});
  if (!query.success) return { failure: { code: "invalid_request", detail: query.issues[0].message } };
  return { connection, want: { minTtl: query.output.min_ttl } };
}

/**
 * The connection of the path, only where the raw path is the canonical one of its id. IAM judges the path as it was
 * sent: if an encoded spelling of an id reached the same connection, a policy could be met or dodged by spelling.
 */
function canonicalConnection(event: IamEvent): ConnectionId | undefined {
  const connection = parseConnectionId(event.pathParameters?.["connection"]);
  return connection && event.rawPath === `/v1/connections/${connection}/token` ? connection : undefined;
}
