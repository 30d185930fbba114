import type { APIGatewayProxyEventV2 as Event } from "aws-lambda";
import { type CallMethod, callMethods } from "@smart-token-broker/auth-core/rules/callers/call-rules.ts";
import { type ConnectionId, parseConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { Secret } from "@smart-token-broker/auth-core/rules/secret.ts";
import { type CallFailure, maxCallBytes } from "./call-failure.ts";
import { callPrefix, readCallPath } from "./call-path.ts";

/** The credential of a request. A name goes with a caller key only. */
export interface CallCredential {
  value: Secret;
  name?: string;
}

/** What a caller asks the API for. */
export interface CallRequest {
  method: CallMethod;
  segments: string[];
  /** Without the `?`; `""` if there is none. */
  query: string;
  body: Buffer;
}

/**
 * The credential in the Authorization header: `Bearer` with a caller key or a JWT (RFC 6750 §2.1), or Basic with the
 * caller's name and its key (RFC 7617). `undefined` if there is none of this form. Nothing else is a credential.
 */
export function readCredential(authorization: string | undefined): CallCredential | undefined {
  const [, scheme = "", value = ""] = /^(bearer|basic) +([\w.~+/=-]+)$/i.exec(authorization ?? "") ?? [];
  if (scheme.toLowerCase() === "bearer") return { value: new Secret(value) };
  const [, name, key] = /^([^:]+):(.*)/s.exec(Buffer.from(value, "base64").toString()) ?? [];
  return name === undefined || key === undefined ? undefined : { name, value: new Secret(key) };
}

/** The connection in a path, or `undefined`. */
export function connectionOf(event: Event): ConnectionId | undefined {
  return parseConnectionId(event.pathParameters?.["connection"]);
}

/** Reads the request of an authenticated caller: what is compared with the rules, and what is sent. */
export function readCall(event: Event, connection: ConnectionId): CallRequest | CallFailure {
  const { rawPath, rawQueryString: query, requestContext, pathParameters } = event;
  const method = callMethods.find((each) => each === requestContext.http.method);
  if (!method) return invalid(`Use one of the methods ${callMethods.join(", ")}.`);
  const path = readCallPath(rawPath, pathParameters?.["path"], callPrefix(connection));
  if (path.kind === "broken") return invalid(`The path after /api/ ${path.rule}.`);
  if (!/^[\x21-\x7e]*$/.test(query)) return invalid("The query must be visible ASCII: encode all other characters.");
  const body = readBody(event, method);
  return Buffer.isBuffer(body) ? { method, segments: path.segments, query, body } : body;
}

/** The bytes of the body as the caller sent them. If the gateway decoded them as text, only UTF-8 is unchanged. */
function readBody(event: Event, method: CallMethod): Buffer | CallFailure {
  const { body = "", isBase64Encoded, headers } = event;
  if (body === "") return Buffer.alloc(0);
  if (method === "GET" || method === "HEAD")
    return invalid(`A ${method} has no body. Send its parameters in the query.`);
  if (!isBase64Encoded) {
    const charset = /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(headers["content-type"] ?? "")?.[1] ?? "utf-8";
    const isText = /^(utf-?8|us-ascii)$/i.test(charset) && headers["content-encoding"] === undefined;
    if (!isText || body.includes("\uFFFD")) return notUtf8;
  }
  const bytes = Buffer.from(body, isBase64Encoded ? "base64" : "utf8");
  return bytes.length > maxCallBytes ? tooLarge : bytes;
}

const tooLarge: CallFailure = {
  code: "request_too_large",
  detail: `The body is too large. Send at most ${maxCallBytes} bytes.`,
};

const notUtf8: CallFailure = {
  code: "unsupported_body",
  detail:
    "A text body must be UTF-8 without content-encoding: the gateway decodes it. Send other bytes as application/octet-stream or another type that is not text.",
};

function invalid(detail: string): CallFailure {
  return { code: "invalid_request", detail };
}
