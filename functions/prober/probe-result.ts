import { problemType } from "@smart-token-broker/auth-core/http/response.ts";
import { skew } from "@smart-token-broker/auth-core/rules/token-set.ts";

/** What came back of one request. `body` is what its JSON says, `undefined` where it was none. */
export interface ProbeResponse {
  status: number;
  body: unknown;
}

/**
 * How a probe went. `open`: a request without a signature was answered, or failed in the function instead of before it.
 * `no_answer`: none came, or not the one that the gateway should give.
 * `refused`: an error instead of a token. `not_valid`: a token that had expired, or no token at all in a 200.
 */
export type ProbeResult = "ok" | "open" | "no_answer" | "refused" | "not_valid";

/** Judges a probe by its two answers, the gravest first; `undefined` is a request that nobody answered. */
export function probeResult(
  signed: ProbeResponse | undefined,
  unsigned: ProbeResponse | undefined,
  now: number,
): ProbeResult {
  if (unsigned && isOfFunction(unsigned)) return "open";
  if (!signed || !unsigned || ![401, 403].includes(unsigned.status)) return "no_answer";
  if (signed.status !== 200) return "refused";
  const { access_token: token, expires_in: left, expires_at: end } = (signed.body ?? {}) as Record<string, unknown>;
  const isToken = typeof token === "string" && token !== "" && typeof left === "number" && left > skew;
  return isToken && Date.parse(String(end)) / 1000 > now ? "ok" : "not_valid";
}

/** An answer of the function itself: the gateway let the request through. Its own errors are `{"message": …}`. */
function isOfFunction({ status, body }: ProbeResponse): boolean {
  const { type } = (body ?? {}) as Record<string, unknown>;
  return status < 300 || String(type).startsWith(problemType);
}
