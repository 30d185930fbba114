/** Every way in which the broker can fail a caller. Closed: a new code is a change of the HTTP contract. */
export type FailureCode =
  | "invalid_request"
  | "unknown_connection"
  | "connection_not_ready"
  | "too_soon"
  | "credentials_rejected"
  | "upstream_malformed"
  | "upstream_unavailable"
  | "unavailable"
  | "internal";

/** An expected failure, as a value. `detail` is written for the caller and never holds a secret or an upstream's body. */
export interface Failure {
  code: FailureCode;
  detail: string;
  /** Seconds after which asking again makes sense. */
  retryAfter?: number;
}

/**
 * The broker's own table or secret store did not answer, or refused the function's role.
 * Thrown by adapters; `message` is for the log, not for callers.
 */
export class UnavailableError extends Error {
  override name = "UnavailableError";
}
