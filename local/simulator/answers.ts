import type { Grant } from "./credentials.ts";
import type { Scenario } from "./scenario.ts";

/** An HTTP response before it is sent, without Date and Content-Length. */
export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

const oversizedBytes = 64 * 1024 + 1;

export const json = (status: number, body: unknown, headers: Record<string, string> = {}): Answer => ({
  status,
  headers: { "content-type": "application/json", ...headers },
  body: JSON.stringify(body),
});

/** The scenario of one call: mode `ok` if the mode does not affect this endpoint or its nth call. */
export function scenarioOfCall(scenario: Scenario, endpoint: "exchange" | "refresh", nth: number): Scenario {
  const affected = (scenario.on === "both" || scenario.on === endpoint) && nth % scenario.failEvery === 0;
  return affected ? scenario : { ...scenario, mode: "ok" };
}

/** The response of a mode that does not use the credential; `undefined` for the other modes. */
export function answerWithoutCredential(scenario: Scenario, upstreamNow: number): Answer | undefined {
  switch (scenario.mode) {
    case "rate_limited":
      return json(429, { error: "rate_limited" }, retryAfter(scenario, upstreamNow));
    case "unavailable":
      return json(503, { error: "unavailable" });
    case "error":
      return json(500, { error: "internal_error" });
    case "malformed":
      return json(200, { status: "ok", token_type: "Bearer", expires_in: scenario.lifetime });
    case "html":
      return { status: 200, headers: { "content-type": "text/html" }, body: "<!doctype html><title>Sign in</title>" };
    case "empty":
      return { status: 200, headers: { "content-type": "application/json" }, body: "" };
    case "redirect":
      return { status: 302, headers: { location: "/elsewhere" }, body: "" };
    case "ok":
    case "slow":
    case "oversized":
    case "truncated":
    case "bad_jwt":
    case "expired":
    case "reset":
    case "hang":
    case "refused":
      break;
  }
  return undefined;
}

function retryAfter({ retryAfter: seconds, retryAfterDate }: Scenario, upstreamNow: number): Record<string, string> {
  if (seconds === null) return {};
  return { "retry-after": retryAfterDate ? httpDate(upstreamNow + seconds) : String(seconds) };
}

/** An instant in epoch seconds as an HTTP-date. */
export const httpDate = (instant: number) => new Date(instant * 1000).toUTCString();

/** The token response as the scenario says: shape, expires_in, byte-order mark, and the modes that damage a body. */
export function answerOfGrant(grant: Grant, scenario: Scenario): Answer {
  const bare = scenario.shape === "bare_jwt";
  const text = (scenario.bom ? "\uFEFF" : "") + (bare ? grant.accessToken : JSON.stringify(shaped(grant, scenario)));
  return {
    status: 200,
    headers: { "content-type": bare ? "text/plain" : "application/json", "cache-control": "no-store" },
    body: spoiled(text, scenario),
  };
}

function spoiled(text: string, { mode }: Scenario): string {
  if (mode === "truncated") return text.slice(0, text.length / 2);
  // White space keeps it valid JSON: only a client that limits the size rejects it.
  if (mode === "oversized") return text + " ".repeat(oversizedBytes - Buffer.byteLength(text));
  return text;
}

function shaped(grant: Grant, { shape, expiresIn }: Scenario): unknown {
  const { accessToken, scope, refresh } = grant;
  const duration = expiresIn === "string" ? String(grant.expiresIn) : grant.expiresIn;
  const written = expiresIn === "absent" ? undefined : duration;
  if (shape === "json_string") return accessToken;
  if (shape === "accessToken") {
    return { accessToken, tokenType: "Bearer", expiresIn: written, scope, refreshToken: refresh?.token };
  }
  const wrapped = shape === "data" || shape === "result" || shape === "response";
  const fields = {
    [wrapped ? "access_token" : shape]: accessToken,
    token_type: "Bearer",
    expires_in: written,
    scope,
    refresh_token: refresh?.token,
    refresh_expires_in: refresh?.expiresIn,
  };
  return wrapped ? { [shape]: fields } : fields;
}
