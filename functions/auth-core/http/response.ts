import { connectionIdRule } from "../rules/connection-id.ts";
import type { Failure, FailureCode } from "../rules/failure.ts";
import { fingerprint } from "../rules/fingerprint.ts";
import { remaining, validityMiss } from "../rules/token-set.ts";
import type { RequestLine } from "../observe.ts";
import type { Answer } from "../use-cases/token-service.ts";

/** What a handler answers, before it is put into the gateway's form: the response, and its line for the log. */
export interface HttpResponse {
  status: number;
  headers: Record<string, string>;
  body: object;
  /** Fields of the request line; nothing in it is secret. */
  line: RequestLine;
}

/** Status and title of every failure: the closed set of the HTTP contract (RFC 9457 for its form). */
export const problems: Record<FailureCode, { status: number; title: string }> = {
  invalid_request: { status: 400, title: "The request is not valid" },
  unknown_connection: { status: 404, title: "There is no such connection" },
  connection_not_ready: { status: 409, title: "The connection is not ready" },
  too_soon: { status: 429, title: "Too soon after the last replacement" },
  credentials_rejected: { status: 502, title: "Smart Services refused the API key" },
  upstream_malformed: { status: 502, title: "Smart Services answered in an unknown shape" },
  upstream_unavailable: { status: 503, title: "No token can be had at the moment" },
  unavailable: { status: 503, title: "The broker's own store does not answer" },
  internal: { status: 500, title: "A bug in the broker" },
};

/** What the `type` of every problem document begins with; its code follows. */
export const problemType = "urn:smart-token-broker:";

/** A problem document (RFC 9457) for a failure, with Retry-After in whole seconds where asking again makes sense. */
export function problemDetails(failure: Failure, requestId: string): HttpResponse {
  const { status, title } = problems[failure.code];
  const { code, detail } = failure;
  const retryAfter = failure.retryAfter === undefined ? undefined : Math.max(1, Math.ceil(failure.retryAfter));
  return {
    status,
    headers: {
      "content-type": "application/problem+json",
      "cache-control": "no-store",
      ...(retryAfter !== undefined && { "retry-after": String(retryAfter) }),
    },
    body: { type: `${problemType}${code}`, title, status, code, detail, request_id: requestId },
    line: { code, source: "none", ...detailLine(status, detail) },
  };
}

/** Field of the request line: what is wrong with a request. It names a field or a rule, and repeats nothing that was sent. */
export function detailLine(status: number, detail: string): { detail?: string } {
  return status === 400 ? { detail } : {};
}

/** An answer that holds no token. */
export function jsonResponse(body: object): HttpResponse {
  return {
    status: 200,
    headers: { "content-type": "application/json", "cache-control": "no-store" },
    body,
    line: { code: "ok", source: "table" },
  };
}

/** A token response (RFC 6749 §5.1), or the failure. `now` decides what is left of the token. */
export function tokenResponse(answer: Answer, now: number, requestId: string): HttpResponse {
  if (answer.kind === "failure") return problemDetails(answer.failure, requestId);
  const { set, generation, source } = answer;
  const expiresIn = Math.max(0, Math.floor(remaining(set, now)));
  return {
    status: 200,
    headers: { "content-type": "application/json", "cache-control": "no-store" },
    body: {
      access_token: set.accessToken.reveal(),
      token_type: "Bearer",
      expires_in: expiresIn,
      expires_at: `${new Date(Math.floor(set.accessTokenExpiresAt) * 1000).toISOString().slice(0, 19)}Z`,
      scope: set.scope,
      generation,
      ...(set.apiBaseUrl !== undefined && { api_base_url: set.apiBaseUrl }),
    },
    line: {
      code: "ok",
      source,
      remainingSeconds: expiresIn,
      generation,
      tokenFingerprint: fingerprint(set.accessToken),
    },
  };
}

/** Fields of the request line: what was asked for, and how a token that is handed out falls short of it, if it does. */
export function validityFields(answer: Answer, minTtl: number, now: number): { minTtl: number; validity?: string } {
  const miss = answer.kind === "token" ? validityMiss(answer.set, now, minTtl) : undefined;
  return { minTtl, ...(miss && { validity: miss }) };
}

export const invalidConnection: Failure = {
  code: "invalid_request",
  detail: `the connection id in the path must be ${connectionIdRule}, written as it is, without percent-encoding`,
};
