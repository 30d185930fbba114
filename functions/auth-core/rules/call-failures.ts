/**
 * The failures that only calls have; all others are in failure-catalogue.ts. A new code changes the contract. Their texts
 * for people are in failure-texts.ts.
 */
export const callFailures = {
  credential_not_accepted: { status: 401, title: "The credential is not accepted" },
  call_not_allowed: { status: 403, title: "The call is not allowed" },
  request_too_large: { status: 413, title: "The request is too large" },
  unsupported_body: { status: 415, title: "The body cannot be sent unchanged" },
  api_rejected_token: { status: 502, title: "The business API rejected the token" },
  api_unreachable: { status: 502, title: "The business API is unreachable" },
  api_invalid_response: { status: 502, title: "The response of the business API cannot be passed on" },
  response_too_large: { status: 502, title: "The response of the business API is too large" },
  api_timeout: { status: 504, title: "The business API is too slow" },
} as const satisfies Record<string, { status: number; title: string }>;

export type CallFailureCode = keyof typeof callFailures;
