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
    cause: "The request is wrong, or its body has more than 16 KiB. `detail` names the field.",
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
