import type { Clock } from "../../functions/auth-core/rules/clock.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import type { UpstreamAnswer } from "../../functions/auth-core/rules/upstream-answer.ts";
import type { UpstreamRequest } from "../../functions/auth-core/rules/upstream-request.ts";

/** What an endpoint does to a call that it gets. `hangs` is what a caller with a time-out of 5 s sees. */
type Endpoint = "ok" | "refuses" | "hangs" | "down";

export interface UpstreamMood {
  refresh: Endpoint;
  exchange: Endpoint;
  /** A refresh token works once, and its answer carries the next one. */
  rotates: boolean;
  /** The newest access token is given again. */
  sameToken: boolean;
  /** A new access token kills the one before it, and the registration says so. */
  singleActiveToken: boolean;
  /** Seconds that an access token lives. */
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

/** An upstream in memory. Its access tokens are numbered in the order in which they were made: see `mintedAs`. */
export function fakeUpstream(clock: Clock, mood: UpstreamMood) {
  let minted = 0;
  const alive = new Set([refreshToken(0)]);

  function tokens(presented: string | undefined): UpstreamAnswer {
    if (!mood.sameToken) minted += 1;
    if (presented !== undefined && mood.rotates) alive.delete(presented);
    const isNew = presented === undefined || mood.rotates;
    const next = isNew ? `${refreshToken(minted)}-${alive.size}` : presented;
    alive.add(next);
    const lifetimes = { lifetime: mood.lifetime, refreshLifetime: 30 * 86_400 };
    const secrets = { accessToken: new Secret(accessToken(minted)), refreshToken: new Secret(next) };
    return { kind: "tokens", tokens: { ...secrets, ...lifetimes, sentAt: clock.now() } };
  }

  return {
    mood,
    /** The number of the access token that was made last. */
    newest: () => minted,
    async call(request: UpstreamRequest, seen: (call: UpstreamCall) => void): Promise<UpstreamAnswer> {
      const { grant } = request;
      const presented = "json" in request.body ? presentedIn(request.body.json) : undefined;
      seen({ grant, at: clock.now(), ...(presented !== undefined && { presented }) });
      const endpoint = mood[grant];
      if (endpoint === "hangs") {
        await clock.sleep(5);
        return { kind: "passing", reason: "TimeoutError", rateLimited: false };
      }
      if (mood.delay > 0) await clock.sleep(mood.delay);
      if (endpoint === "down") return { kind: "passing", reason: "HTTP status 503", rateLimited: false };
      const isRefused = endpoint === "refuses" || (presented !== undefined && !alive.has(presented));
      return isRefused ? { kind: "refused", status: 401 } : tokens(presented);
    },
  };
}

export const accessToken = (number: number) => `fake-access-${number}`;
export const refreshToken = (number: number) => `fake-refresh-${number}`;

/** The number of an access token; a larger one is a newer one. */
export const mintedAs = (token: Secret) => Number(token.reveal().slice("fake-access-".length));

function presentedIn(body: Secret): string {
  return (JSON.parse(body.reveal()) as { refresh_token: string }).refresh_token;
}
