import { connectionIdRule } from "./connection-id.ts";
import type { FailureCode } from "./failure-catalogue.ts";

/** An expected failure. `detail` is for the caller and never contains a secret or upstream's body. */
export interface Failure {
  code: FailureCode;
  detail: string;
  /** Seconds until a retry makes sense. */
  retryAfter?: number;
}

/** Whole seconds for a text or a header, at least 1. */
export function wholeSeconds(seconds: number): number {
  return Math.max(1, Math.ceil(seconds));
}

/** A temporary failure whose detail says when the broker retries. */
export function withRetry(failure: Failure, seconds: number): Failure {
  return {
    ...failure,
    detail: `${failure.detail} The broker retries in ${wholeSeconds(seconds)} s.`,
    retryAfter: seconds,
  };
}

export const invalidConnection: Failure = {
  code: "invalid_request",
  detail: `The connection id in the path must be ${connectionIdRule}, without percent-encoding.`,
};

export const unknownConnection: Failure = {
  code: "unknown_connection",
  detail: "This connection has no secret, or its secret is scheduled for deletion. Check the connection id.",
};

/** The requested names were those of the registration, and are not any more under the lease. */
export const registeredOtherwise: Failure = {
  code: "unknown_connection",
  detail: "The connection is now registered with another username or scope. Send the registered username and scope.",
};

/** @param reason what is wrong with the registration, as part of a sentence */
export function connectionNotReady(reason: string): Failure {
  return {
    code: "connection_not_ready",
    detail: `The connection is not ready: ${reason}. An operator must fix its registration.`,
  };
}

export const tableUnavailable: Failure = {
  code: "unavailable",
  detail: "The table of the broker is unavailable. Retry in 1 s.",
  retryAfter: 1,
};

export const secretsUnavailable: Failure = {
  code: "unavailable",
  detail: "The secret store of the broker is unavailable. Retry in 1 s.",
  retryAfter: 1,
};

/** The failure of a replacement. It is stored, and `withRetry` adds when the broker retries. */
export const registrationUnavailable: Failure = {
  code: "unavailable",
  detail: "The registration cannot be read: the secret store of the broker is unavailable.",
  retryAfter: 1,
};

/**
 * A store or the event bus of the broker does not answer, or denies access to the function's role.
 * Adapters throw it. `message` is for the log, not for callers.
 */
export class UnavailableError extends Error {
  override name = "UnavailableError";
}

/**
 * The result of a call; if a store is unavailable, the result of `recover`. Every other error is thrown on.
 */
export async function catchUnavailable<Result, Fallback>(
  call: () => Promise<Result>,
  recover: (error: UnavailableError) => Fallback,
): Promise<Result | Fallback> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof UnavailableError)) throw error;
    return recover(error);
  }
}
