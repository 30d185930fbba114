import type { Failure, FailureCode } from "@smart-token-broker/auth-core/rules/failure.ts";

/** The errors of a token endpoint (RFC 6749 §5.2). The last two are those of §4.1.2.1, for failures of the server. */
export type OAuthErrorCode =
  | "invalid_request"
  | "invalid_client"
  | "invalid_grant"
  | "invalid_scope"
  | "unsupported_grant_type"
  | "server_error"
  | "temporarily_unavailable";

/** An expected failure of a token request, as a value. */
export interface OAuthError {
  kind: "oauth_error";
  error: OAuthErrorCode;
  /** What is wrong and what to send instead. ASCII without `"` and `\` (RFC 6749 §5.2); never repeats what was sent. */
  description: string;
  /** Set if the broker failed, not the request. */
  failure?: Failure;
}

export function oauthError(error: OAuthErrorCode, description: string): OAuthError {
  return { kind: "oauth_error", error, description };
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

/** Translates a failure of the broker to an OAuth error. */
export function toOAuthError(failure: Failure): OAuthError {
  return { ...oauthError(errorOf[failure.code], failure.detail), failure };
}
