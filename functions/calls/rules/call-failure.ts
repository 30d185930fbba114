import { type CallFailureCode, callFailures } from "@smart-token-broker/auth-core/rules/call-failures.ts";
import type { Failure } from "@smart-token-broker/auth-core/rules/failure.ts";
import { failureCatalogue } from "@smart-token-broker/auth-core/rules/failure-catalogue.ts";

/** A failure of a call. `detail` never repeats anything of the request. */
export interface CallFailure extends Omit<Failure, "code"> {
  code: Failure["code"] | CallFailureCode;
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

export const heldByPage: CallFailure = {
  code: "credential_not_accepted",
  detail: "A web page must not hold a caller key. Send the JWT of its user instead.",
};

export const notAllowed: CallFailure = {
  code: "call_not_allowed",
  detail:
    "No rule of this caller allows this method and path. Its entry in the list of callers has the rules, in calls.",
};

export function timedOut(what: string): CallFailure {
  return { code: "api_timeout", detail: `${what} Whether the API did what it was asked is not known.` };
}
