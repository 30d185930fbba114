import { type CallFailureCode, callFailures } from "@smart-token-broker/auth-core/rules/call-failures.ts";
import type { Failure } from "@smart-token-broker/auth-core/rules/failure.ts";
import { failureCatalogue } from "@smart-token-broker/auth-core/rules/failure-catalogue.ts";

/** Bytes of a body, either way, not decompressed. In base64, more would not fit into the 6 MB of a Lambda invocation. */
export const maxCallBytes = 4_500_000;

/** A failure of a call. `detail` never repeats anything of the request. */
export interface CallFailure extends Omit<Failure, "code"> {
  code: Failure["code"] | CallFailureCode;
  /** Fields of the log line, which the response does not have. */
  line?: { code: string; callerRole?: string; user?: string };
}

/** A failure with its status and title. */
export function problemOf(failure: CallFailure) {
  const { code } = failure;
  return {
    ...failure,
    ...(code in callFailures ? callFailures[code as CallFailureCode] : failureCatalogue[code as Failure["code"]]),
  };
}

export const notAccepted: CallFailure = {
  code: "credential_not_accepted",
  detail:
    "The credential is missing, unknown, expired, revoked or not for calls. Send a caller key or a JWT as Authorization: Bearer.",
};

/** The answer is that to an unknown credential. Only the log says who it was. */
export function revoked(callerRole: string | undefined, user?: string): CallFailure {
  const who = { ...(callerRole !== undefined && { callerRole }), ...(user !== undefined && { user }) };
  return { ...notAccepted, line: { code: "revoked", ...who } };
}

export const heldByPage: CallFailure = {
  code: "credential_not_accepted",
  detail: "A web page must not hold a caller key. Send the JWT of its user instead.",
};

export const notAllowed: CallFailure = {
  code: "call_not_allowed",
  detail:
    "No rule in calls of this caller's entry allows this method and path. Does the path name the right scope? Write it as %7Bscope%7D: curl drops plain braces.",
};

export const tooManyTimeouts: CallFailure = {
  code: "api_timeout",
  detail: "The last calls of this connection timed out. Nothing was sent.",
};

export const noTimeLeft: CallFailure = {
  code: "api_timeout",
  detail: "Getting a token took too long. Nothing was sent.",
};

export function timedOut(seconds: number): CallFailure {
  return {
    code: "api_timeout",
    detail: `The API did not answer within ${seconds} s. It may have processed the request.`,
  };
}

export const unreachable: CallFailure = {
  code: "api_unreachable",
  detail: "The API closed the connection. It may have processed the request.",
};

export const notConnected: CallFailure = {
  code: "api_unreachable",
  detail: "The API cannot be reached. Nothing was sent.",
};

export const responseTooLarge: CallFailure = {
  code: "response_too_large",
  detail: `The response is larger than ${maxCallBytes} bytes. Request less.`,
};

/** @param what the API answered with, as part of a sentence */
export function invalidResponse(what: string): CallFailure {
  return { code: "api_invalid_response", detail: `The API answered with ${what}, which the broker does not pass on.` };
}

/** @param retryAfter seconds until another report may replace the token */
export function rejectedToken(retryAfter?: number): CallFailure {
  return {
    code: "api_rejected_token",
    detail: "The API answered 401 to a valid token. Ask the operator whether this connection may use this API.",
    ...(retryAfter !== undefined && { retryAfter }),
  };
}
