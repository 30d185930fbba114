import { callFailures } from "@smart-token-broker/auth-core/rules/call-failures.ts";
import { BrokerError } from "../errors.ts";

/** Why the proxy itself answers. `detail` repeats nothing of the request. */
export class Failure extends Error {
  readonly status: number;
  readonly code: string;
  /** Seconds after which a retry makes sense. */
  readonly retryAfter: number | undefined;

  constructor(status: number, code: string, detail: string, retryAfter?: number) {
    super(detail);
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

/** A failure that calls of the broker have too. */
export const callFailure = (code: keyof typeof callFailures, detail: string, retryAfter?: number) =>
  new Failure(callFailures[code].status, code, detail, retryAfter);

export const invalid = (detail: string) => new Failure(400, "invalid_request", detail);

export const notReady = (what: string) =>
  new Failure(409, "connection_not_ready", `The connection is not ready: ${what}.`);

/** The failure that an exception stands for. Any but the broker's is a bug. */
export function failureOf(error: unknown): Failure {
  if (error instanceof Failure) return error;
  if (error instanceof BrokerError) {
    const { code, message, retryAfter } = error;
    // A retry does not correct a wrong credential.
    return new Failure(503, code, message, /^invalid_(client|grant)$/.test(code) ? undefined : retryAfter);
  }
  return new Failure(500, "internal", "Internal error of the proxy. Report the line bug of its log.");
}
