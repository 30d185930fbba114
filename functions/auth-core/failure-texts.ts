import type { CallFailureCode } from "./rules/call-failures.ts";
import { connectionNotReady, type Failure, tableUnavailable, unknownConnection, withRetry } from "./rules/failure.ts";
import type { FailureCode } from "./rules/failure-catalogue.ts";

interface FailureTexts {
  /** When the broker answers this. */
  cause: string;
  /** What the caller does. */
  action: string;
  /** A failure as callers get it. test/openapi compares it with responses. */
  example: Omit<Failure, "code">;
}

/**
 * What people read about each failure: docs/openapi.json and docs/errors.md. A function never imports it, because each byte
 * delays its cold start.
 */
export const failureTexts: Record<FailureCode, FailureTexts> = {
  invalid_request: {
    cause: "The request is wrong, or the body of a token request has more than 16 KiB. `detail` names the field.",
    action: "Fix the request.",
    // Each route has its own example.
    example: { detail: "" },
  },
  unknown_connection: {
    cause: "The connection has no secret, or its secret is scheduled for deletion.",
    action: "Check the connection id, or ask the operator to register the connection.",
    example: unknownConnection,
  },
  connection_not_ready: {
    cause: "The secret has no usable value, or cannot be decrypted. `detail` says what is wrong.",
    action: "Ask the operator to fix the registration. No restart is needed.",
    example: connectionNotReady("the secret has no value yet"),
  },
  too_soon: {
    cause: "The last attempt to replace this token was too recent, or this caller reports one token after another.",
    action: "Keep using your token, or retry after `Retry-After`.",
    example: {
      detail: "The last attempt to replace this token was too recent. Keep using your token, or retry in 30 s.",
      retryAfter: 30,
    },
  },
  credentials_rejected: {
    cause: "Smart Services rejected the API key.",
    action: "Ask the operator to store a valid key.",
    example: { detail: "Smart Services rejected the API key (HTTP 401). An operator must store a valid key." },
  },
  upstream_malformed: {
    cause: "Smart Services sent an unrecognised response, a redirect or more than 64 KiB.",
    action: "Report it to the operator.",
    example: withRetry({ code: "upstream_malformed", detail: "Smart Services sent an unrecognised response." }, 5),
  },
  upstream_unavailable: {
    cause: "Smart Services is unavailable, or a replacement is still running. Temporary.",
    action: "Retry after `Retry-After`.",
    example: withRetry({ code: "upstream_unavailable", detail: "Smart Services is unavailable (HTTP 503)." }, 5),
  },
  unavailable: {
    cause: "The table or the secret store of the broker, or an issuer of JWTs, is unavailable. Temporary.",
    action: "Retry after `Retry-After`.",
    example: tableUnavailable,
  },
  internal: {
    cause: "Internal error. The log has details under the `request_id`.",
    action: "Report the `request_id` to the operator.",
    example: { detail: "Internal error. The log has details under this request_id." },
  },
};

/** The same about each failure that only calls have. */
export const callFailureTexts: Record<CallFailureCode, FailureTexts> = {
  credential_not_accepted: {
    cause:
      "The credential is missing, wrong, expired or revoked, its entry has no `calls` or not the page's origin, or a page sent a caller key.",
    action: "Send a caller key or a JWT with a `sub` as `Authorization: Bearer`; from a page, its user's JWT.",
    example: {
      detail:
        "The credential is missing, unknown, expired, revoked or not for calls. Send a caller key or a JWT as Authorization: Bearer.",
    },
  },
  call_not_allowed: {
    cause: "No rule in `calls` of the caller's entry allows this method and path, or the path names another scope.",
    action:
      "Call what the entry allows, with the connection's own scope or `%7Bscope%7D`, or ask the operator for another rule.",
    example: {
      detail:
        "No rule in calls of this caller's entry allows this method and path. Does the path name the right scope? Write it as %7Bscope%7D: curl drops plain braces.",
    },
  },
  request_too_large: {
    cause: "The body has more than 4,500,000 bytes.",
    action: "Send less. More needs an entry that gets a token.",
    example: { detail: "The body is too large. Send at most 4500000 bytes." },
  },
  unsupported_body: {
    cause: "API Gateway decoded the body as text, but it is not UTF-8 or has a `content-encoding`: its bytes are lost.",
    action: "Send UTF-8, or other bytes as `application/octet-stream`.",
    example: {
      detail:
        "A text body must be UTF-8 without content-encoding: the gateway decodes it. Send other bytes as application/octet-stream or another type that is not text.",
    },
  },
  api_rejected_token: {
    cause:
      "The business API answered 401 to a valid token, and the broker has no other that it accepts. The caller's credential is fine.",
    action: "Ask the operator whether this connection may use this API.",
    example: {
      detail: "The API answered 401 to a valid token. Ask the operator whether this connection may use this API.",
    },
  },
  api_unreachable: {
    cause: "The business API cannot be reached, or closed the connection. `detail` says whether the request was sent.",
    action: "Retry if nothing was sent, or if processing the request twice does no harm.",
    example: { detail: "The API closed the connection. It may have processed the request." },
  },
  api_invalid_response: {
    cause:
      "The response of the business API is not HTTP, contains the token, or has a status or an encoding that the broker does not pass on.",
    action: "Report it to the operator.",
    example: { detail: "The API answered with an unexpected status, which the broker does not pass on." },
  },
  response_too_large: {
    cause: "The response of the business API has more than 4,500,000 bytes.",
    action: "Request less, with a filter, a page or a `Range`.",
    example: { detail: "The response is larger than 4500000 bytes. Request less." },
  },
  api_timeout: {
    cause:
      "The business API did not answer this call within 10 s, or the last three of this connection. `detail` says whether the request was sent.",
    action: "Retry if nothing was sent, or if processing the request twice does no harm.",
    example: { detail: "The API did not answer within 10 s. It may have processed the request." },
  },
};
