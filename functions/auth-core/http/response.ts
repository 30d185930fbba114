import { type Failure, wholeSeconds } from "../rules/failure.ts";
import { failureCatalogue, problemType } from "../rules/failure-catalogue.ts";
import { fingerprint } from "../rules/fingerprint.ts";
import { remaining, type TokenSet, validityMiss } from "../rules/tokens/token-set.ts";
import type { ResponseLine } from "../telemetry.ts";
import type { Answer } from "../use-cases/token-service.ts";

/** The response of a handler, and the fields of its log line. */
export interface HttpResponse {
  status: number;
  headers: Record<string, string>;
  /** An object is sent as JSON; bytes are sent as they are. */
  body: object | Buffer;
  /** Fields of the request line. They contain no secret. */
  line: ResponseLine;
}

/** Problem details (RFC 9457) of a failure, with Retry-After if a retry makes sense. */
export function problemDetails(failure: Failure, requestId: string): HttpResponse {
  return problemResponse({ ...failure, ...failureCatalogue[failure.code] }, requestId);
}

/** A failure of any catalogue, with its status and title. */
export interface Problem extends Omit<Failure, "code"> {
  code: string;
  status: number;
  title: string;
}

export function problemResponse(problem: Problem, requestId: string): HttpResponse {
  const { code, status, title, detail, retryAfter } = problem;
  return {
    status,
    headers: {
      "content-type": "application/problem+json",
      "cache-control": "no-store",
      ...(retryAfter !== undefined && { "retry-after": String(wholeSeconds(retryAfter)) }),
    },
    body: { type: `${problemType}${code}`, title, status, code, detail, request_id: requestId },
    line: { code, source: "none", ...detailLine(status, detail) },
  };
}

/** Field of the request line of an invalid request. The detail names a field or a rule and repeats no input. */
export function detailLine(status: number, detail: string): { detail?: string } {
  return status === 400 ? { detail } : {};
}

/** Field of the request line of a rejected page, whose origin may be missing in the list. Anyone can send any text as Origin. */
export function originLine(origin: string | undefined): { origin?: string } {
  if (origin === undefined) return {};
  return {
    origin: origin.length <= 200 && /^(null|[a-z][\w+.-]*:\/\/[\w.:[\]-]+)$/.test(origin) ? origin : "malformed",
  };
}

/** A response without a token. */
export function jsonResponse(body: object): HttpResponse {
  return {
    status: 200,
    headers: { "content-type": "application/json", "cache-control": "no-store" },
    body,
    line: { code: "ok", source: "table" },
  };
}

/** A token response (RFC 6749 §5.1), or problem details. */
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
      ...registeredScope(set),
    },
    line: {
      code: "ok",
      source,
      remaining: expiresIn,
      generation,
      tokenFingerprint: fingerprint(set.accessToken),
    },
  };
}

/** The member for a connection whose token has another scope than its registration. */
export function registeredScope({ scope, registeredScope: registered = scope }: TokenSet): {
  registered_scope?: string;
} {
  return registered === scope ? {} : { registered_scope: registered };
}

/** Fields of the request line: the requested `min_ttl`, and how the served token misses it, if it does. */
export function validityFields(answer: Answer, minTtl: number, now: number): { minTtl: number; validity?: string } {
  const miss = answer.kind === "token" ? validityMiss(answer.set, now, minTtl) : undefined;
  return { minTtl, ...(miss && { validity: miss }) };
}
