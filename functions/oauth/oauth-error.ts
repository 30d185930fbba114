import type { Failure, FailureCode } from "@smart-token-broker/auth-core/rules/failure.ts";

/** The errors of the token endpoint (RFC 6749 §5.2); the last two for what passes, as §4.1.2.1 names them. */
export type OAuthErrorCode =
  | "invalid_request"
  | "invalid_client"
  | "invalid_grant"
  | "invalid_scope"
  | "unsupported_grant_type"
  | "server_error"
  | "temporarily_unavailable";

/** An expected failure of the vendor's wire and of OAuth. `description` is ASCII, and never repeats what was sent. */
export interface OAuthError {
  error: OAuthErrorCode;
  description: string;
  /** Where it is one of the broker's own. */
  failure?: Failure;
}

const errorOf: Record<FailureCode, OAuthErrorCode> = {
  invalid_request: "invalid_request",
  unknown_connection: "invalid_scope",
  connection_not_ready: "server_error",
  too_soon: "temporarily_unavailable",
  credentials_rejected: "server_error",
  upstream_malformed: "server_error",
  upstream_unavailable: "temporarily_unavailable",
  unavailable: "temporarily_unavailable",
  internal: "server_error",
};

/** A failure of the broker in OAuth's words. */
export function toOAuthError(failure: Failure): OAuthError {
  return { error: errorOf[failure.code], description: failure.detail, failure };
}
