import type { Failure } from "@smart-token-broker/auth-core/rules/failure.ts";
import { failureCatalogue } from "@smart-token-broker/auth-core/rules/failure-catalogue.ts";

/** The HTTP status of the errors of a request (RFC 6749 §5.2). A failure of the broker has its own status. */
export const requestErrors = {
  invalid_request: 400,
  invalid_client: 401,
  invalid_grant: 400,
  invalid_scope: 400,
  unsupported_grant_type: 400,
} as const;

/** An expected failure of a token request, as a value. */
export interface OAuthError {
  kind: "oauth_error";
  error: keyof typeof requestErrors | (typeof failureCatalogue)[keyof typeof failureCatalogue]["oauthError"];
  /** What is wrong and what to send instead. ASCII without `"` and `\` (RFC 6749 §5.2); never repeats what was sent. */
  description: string;
  /** Set if the broker failed, not the request. */
  failure?: Failure;
  /** The entry of a revoked key. Only the log names it. */
  revoked?: string;
}

export function oauthError(error: keyof typeof requestErrors, description: string): OAuthError {
  return { kind: "oauth_error", error, description };
}

/** Translates a failure of the broker to an OAuth error. */
export function toOAuthError(failure: Failure): OAuthError {
  const { oauthError: error } = failureCatalogue[failure.code];
  return { kind: "oauth_error", error, description: failure.detail, failure };
}

export function statusOf({ error, failure }: OAuthError): number {
  return failure ? failureCatalogue[failure.code].status : requestErrors[error as keyof typeof requestErrors];
}
