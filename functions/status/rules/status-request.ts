import type { APIGatewayProxyEventV2 as Event } from "aws-lambda";
import * as v from "valibot";
import { type ConnectionId, parseConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { type Failure, invalidConnection } from "@smart-token-broker/auth-core/rules/failure.ts";

const maxPageSize = 500;
const limitRule = `limit must be one whole number from 1 to ${maxPageSize}.`;
const cursorRule = "cursor must be the next_cursor of the previous page.";

/** Query parameters of `GET /v1/status`; others are ignored. */
export const statusQuery = v.object({
  limit: v.optional(
    v.pipe(
      v.string(limitRule),
      v.regex(/^[1-9]\d{0,2}$/, limitRule),
      v.transform(Number),
      // For the OpenAPI document, which describes the number.
      v.number(),
      v.integer(),
      v.minValue(1, limitRule),
      v.maxValue(maxPageSize, limitRule),
    ),
    "100",
  ),
  cursor: v.optional(v.string(cursorRule)),
});

export type StatusRequest =
  | { kind: "one"; connection: ConnectionId }
  | { kind: "page"; limit: number; after?: ConnectionId }
  | { kind: "invalid"; failure: Failure };

/** Reads a request for `GET /v1/status` or `GET /v1/status/{connection}`. */
export function readStatusRequest(event: Event): StatusRequest {
  if (event.pathParameters?.["connection"] !== undefined) {
    const connection = parseConnectionId(event.pathParameters["connection"]);
    // Only the canonical path of an id, as on the token routes.
    const isCanonical = connection !== undefined && event.rawPath === `/v1/status/${connection}`;
    return isCanonical ? { kind: "one", connection } : { kind: "invalid", failure: invalidConnection };
  }
  const query = v.safeParse(statusQuery, event.queryStringParameters ?? {});
  if (!query.success) return invalid(query.issues[0].message);
  const { limit, cursor } = query.output;
  if (cursor === undefined) return { kind: "page", limit };
  const after = readCursor(cursor);
  return after ? { kind: "page", limit, after } : invalid(cursorRule);
}

function invalid(detail: string): StatusRequest {
  return { kind: "invalid", failure: { code: "invalid_request", detail } };
}

/** Opaque to callers, so that its content may change. */
export function writeCursor(last: ConnectionId): string {
  return Buffer.from(`1:${last}`).toString("base64url");
}

function readCursor(cursor: string): ConnectionId | undefined {
  const text = Buffer.from(cursor, "base64url").toString("utf8");
  return text.startsWith("1:") ? parseConnectionId(text.slice(2)) : undefined;
}
