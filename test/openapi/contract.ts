import type { FailureCode } from "../../functions/auth-core/rules/failure-catalogue.ts";

/** The HTTP contract, by hand: the status of every failure, and its error on the token endpoints (RFC 6749 §5.2). */
export const contract: Record<FailureCode, { status: number; error: string }> = {
  invalid_request: { status: 400, error: "invalid_request" },
  unknown_connection: { status: 404, error: "invalid_scope" },
  connection_not_ready: { status: 409, error: "server_error" },
  too_soon: { status: 429, error: "temporarily_unavailable" },
  credentials_rejected: { status: 502, error: "server_error" },
  upstream_malformed: { status: 502, error: "server_error" },
  upstream_unavailable: { status: 503, error: "temporarily_unavailable" },
  unavailable: { status: 503, error: "temporarily_unavailable" },
  internal: { status: 500, error: "server_error" },
};
