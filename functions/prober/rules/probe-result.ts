import { problemType } from "@smart-token-broker/auth-core/rules/failure-catalogue.ts";
import { skew } from "@smart-token-broker/auth-core/rules/tokens/token-set.ts";

/** The response to one request. `body` is its JSON, `undefined` if it is not JSON. */
export interface ProbeResponse {
  status: number;
  body: unknown;
}

/**
 * The result of a probe. `open`: a request without a signature reached the function. `no_answer`: a response is missing,
 * or the gateway did not reject the request without a signature. `refused`: an error instead of a token. `not_valid`: the
 * token has expired, or a 200 has no token.
 */
export type ProbeResult = "ok" | "open" | "no_answer" | "refused" | "not_valid";

/** Judges a probe by its two responses, the most serious finding first. `undefined`: no response. */
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

/** Whether the function answered. The gateway's own errors are `{"message": …}`. */
function isOfFunction({ status, body }: ProbeResponse): boolean {
  const { type } = (body ?? {}) as Record<string, unknown>;
  return status < 300 || String(type).startsWith(problemType);
}
