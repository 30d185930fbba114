import type { FailureCode } from "../rules/failure.ts";

interface Problem {
  status: number;
  title: string;
  /** When the broker answers this. */
  cause: string;
  /** What the caller does. */
  action: string;
}

/** Every failure of the HTTP contract. OpenAPI, docs/errors.md and docs/runbook.md agree with it (test/openapi). */
export const problems: Record<FailureCode, Problem> = {
  invalid_request: {
    status: 400,
    title: "Invalid request",
    cause: "The request is wrong. The detail names the field.",
    action: "Fix the request.",
  },
  unknown_connection: {
    status: 404,
    title: "Unknown connection",
    cause: "The connection has no secret, or its secret is scheduled for deletion.",
    action: "Check the connection id.",
  },
  connection_not_ready: {
    status: 409,
    title: "The connection is not ready",
    cause: "The secret has no usable value, or cannot be decrypted. The detail says what is wrong.",
    action: "Ask the operator to fix the registration.",
  },
  too_soon: {
    status: 429,
    title: "Too soon after the last replacement",
    cause: "The last attempt to replace this token was too recent.",
    action: "Keep using your token, or retry after Retry-After.",
  },
  credentials_rejected: {
    status: 502,
    title: "Smart Services rejected the API key",
    cause: "Smart Services rejected the API key.",
    action: "Ask the operator to store a valid key.",
  },
  upstream_malformed: {
    status: 502,
    title: "Smart Services sent an unrecognised response",
    cause: "Smart Services sent an unrecognised response, a redirect or more than 64 KiB.",
    action: "Report it to the operator.",
  },
  upstream_unavailable: {
    status: 503,
    title: "Smart Services is unavailable",
    cause: "Smart Services is unavailable, or a replacement is still running. Temporary.",
    action: "Retry after Retry-After.",
  },
  unavailable: {
    status: 503,
    title: "A store of the broker is unavailable",
    cause: "The table or the secret store of the broker, or an issuer of JWTs, is unavailable. Temporary.",
    action: "Retry after Retry-After.",
  },
  internal: {
    status: 500,
    title: "Internal error",
    cause: "Internal error. The log has details under the request_id.",
    action: "Report the request_id to the operator.",
  },
};

/** The `type` of a problem is this prefix and its code. */
export const problemType = "urn:smart-token-broker:";
