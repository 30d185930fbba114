import type { Clock } from "../../functions/auth-core/rules/clock.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import type { UpstreamResult } from "../../functions/auth-core/rules/upstream/upstream-response.ts";
import { upstreamSeconds } from "../../functions/auth-core/use-cases/lease.ts";
import type { UpstreamRequest } from "../../functions/auth-core/rules/upstream/upstream-request.ts";

/** What an endpoint does with a call. `hangs` is what a client with a time-out of 5 s sees. */
type Endpoint = "ok" | "refuses" | "hangs" | "down";

export interface UpstreamBehaviour {
  refresh_token: Endpoint;
  api_key: Endpoint;
  /** It returns the newest access token again. */
  sameToken: boolean;
  /** The lifetime of an access token in seconds. */
  lifetime: number;
  /** Seconds that an answer takes. */
  delay: number;
}

/** A call as upstream saw it. */
export interface UpstreamCall {
  grant: UpstreamRequest["grant"];
  /** The refresh token that was presented. */
  presented?: string;
  at: number;
}

/** An upstream in memory. A refresh token works once, and its response has the next one. It numbers its access tokens in the order in which it issues them: see `mintedAs`. */
export function fakeUpstream(clock: Clock, upstreamScenario: UpstreamBehaviour) {
  let minted = 0;
  const alive = new Set([refreshToken(0)]);

  function tokens(presented: string | undefined): UpstreamResult {
    if (!upstreamScenario.sameToken) minted += 1;
    if (presented !== undefined) alive.delete(presented);
    const next = `${refreshToken(minted)}-${alive.size}`;
    alive.add(next);
    const lifetimes = { lifetime: upstreamScenario.lifetime, refreshLifetime: 30 * 86_400 };
    const secrets = { accessToken: new Secret(accessToken(minted)), refreshToken: new Secret(next) };
    return { kind: "tokens", tokens: { ...secrets, ...lifetimes, sentAt: clock.now() } };
  }

  return {
    upstreamScenario,
    /** The number of the newest access token. */
    newest: () => minted,
    async call(request: UpstreamRequest, record: (call: UpstreamCall) => void): Promise<UpstreamResult> {
      const { grant } = request;
      const presented = request.body.kind === "json" ? presentedIn(request.body.text) : undefined;
      record({ grant, at: clock.now(), ...(presented !== undefined && { presented }) });
      const endpoint = upstreamScenario[grant];
      if (endpoint === "hangs") {
        await clock.sleep(upstreamSeconds);
        return { kind: "temporary", reason: "TimeoutError", rateLimited: false };
      }
      if (upstreamScenario.delay > 0) await clock.sleep(upstreamScenario.delay);
      if (endpoint === "down") return { kind: "temporary", reason: "HTTP 503", rateLimited: false };
      const isRefused = endpoint === "refuses" || (presented !== undefined && !alive.has(presented));
      return isRefused ? { kind: "rejected", status: 401 } : tokens(presented);
    },
  };
}

export const accessToken = (number: number) => `fake-access-${number}`;
export const refreshToken = (number: number) => `fake-refresh-${number}`;

/** The number of an access token. A newer one has a larger number. */
export const mintedAs = (token: Secret) => Number(token.reveal().slice("fake-access-".length));

function presentedIn(body: Secret): string {
  return (JSON.parse(body.reveal()) as { refresh_token: string }).refresh_token;
}
