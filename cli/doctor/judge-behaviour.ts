import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import type { Registration } from "@smart-token-broker/auth-core/rules/registration.ts";
import type { Behaviour } from "./behaviour.ts";
import { type Finding, ok, warning } from "./finding.ts";

/** What of a behaviour the registration should say, and does not. */
export type Offer = { singleActiveToken?: true; maxLifetime?: number };

/** Seconds that a token may die before its claimed end without a word: sending and the rounding of clocks. */
const tolerance = 2;

/** Findings about an upstream, and what to set in the registration. Pure. */
export function judgeBehaviour(
  connection: ConnectionId,
  registration: Pick<Registration, "singleActiveToken" | "maxLifetime" | "apiBaseUrl">,
  seen: Behaviour,
): { findings: Finding[]; offer: Offer } {
  const offer = offerOf(registration, seen);
  const set = `broker connections set ${connection}`;
  return {
    findings: [
      ok(`${connection}: it answers ${seen.writing.described}`),
      judgeRefresh(connection, seen),
      judgeReplacement(connection, registration, seen, `${set} --single-active-token`),
      judgeLifetime(connection, registration, seen, offer, `${set} --max-lifetime ${offer.maxLifetime}`),
    ],
    offer,
  };
}

function offerOf(registration: Pick<Registration, "singleActiveToken" | "maxLifetime">, seen: Behaviour): Offer {
  const { diedAfter, claimedLifetime } = seen;
  const believed = Math.min(claimedLifetime, registration.maxLifetime ?? Number.POSITIVE_INFINITY);
  // Where a replacement kills the token before it, the broker's own may have killed the one that was watched.
  const diesEarly = !seen.singleActiveToken && diedAfter !== undefined && diedAfter + tolerance < believed;
  return {
    ...(seen.singleActiveToken && !registration.singleActiveToken && { singleActiveToken: true }),
    // A second was its distance from the look before it.
    ...(diesEarly && { maxLifetime: Math.max(1, Math.floor(diedAfter) - 1) }),
  };
}

function judgeRefresh(
  connection: ConnectionId,
  { refreshTokens, rotateRefresh, refreshTokenRejected }: Behaviour,
): Finding {
  if (!refreshTokens) return ok(`${connection}: no refresh token comes; the exchange alone is used`);
  if (refreshTokenRejected) {
    return warning(
      `${connection}: the refresh token that it gave is refused`,
      "none is needed: the exchange stands in",
    );
  }
  return ok(
    `${connection}: its refresh token ${rotateRefresh ? "rotates: another comes with each refresh" : "is kept: it does not rotate"}`,
  );
}

function judgeReplacement(
  connection: ConnectionId,
  { singleActiveToken, apiBaseUrl }: Pick<Registration, "singleActiveToken" | "apiBaseUrl">,
  seen: Behaviour,
  fix: string,
): Finding {
  if (seen.sameToken) return ok(`${connection}: the same token comes again while it is alive`);
  if (seen.singleActiveToken === undefined) {
    const how =
      apiBaseUrl === undefined
        ? `broker connections set ${connection} --api-base-url URL`
        : `broker connections show ${connection}`;
    return warning(`${connection}: whether a replacement kills the token before it cannot be told`, how);
  }
  if (!seen.singleActiveToken) return ok(`${connection}: a replacement leaves the token before it alive`);
  return singleActiveToken
    ? ok(`${connection}: a replacement kills the token before it, as is registered`)
    : warning(`${connection}: a replacement kills the token before it at once; singleActiveToken is not set`, fix);
}

function judgeLifetime(
  connection: ConnectionId,
  { maxLifetime }: Pick<Registration, "maxLifetime">,
  seen: Behaviour,
  offer: Offer,
  fix: string,
): Finding {
  const claimed = seen.saysLifetime
    ? `claim to live ${Math.round(seen.claimedLifetime)} s`
    : `say nothing of their life (${seen.claimedLifetime} s are assumed)`;
  if (offer.maxLifetime !== undefined) {
    const died = Math.round(seen.diedAfter ?? 0);
    return warning(`${connection}: tokens ${claimed}, and one died after ${died} s; maxLifetime should say so`, fix);
  }
  if (seen.diedAfter !== undefined) {
    const why = seen.singleActiveToken ? ", of its end or of a replacement by the broker" : "";
    return ok(`${connection}: tokens ${claimed}, and one died after ${Math.round(seen.diedAfter)} s${why}`);
  }
  if (seen.livedFor !== undefined)
    return ok(`${connection}: tokens ${claimed}; one was alive after ${Math.round(seen.livedFor)} s`);
  if (seen.saysLifetime || maxLifetime !== undefined) return ok(`${connection}: tokens ${claimed}`);
  return warning(`${connection}: tokens ${claimed}`, `broker doctor --probe ${connection} --observe 3600`);
}
