import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import type { Registration } from "@smart-token-broker/auth-core/rules/upstream/registration.ts";
import type { Behaviour } from "./behaviour.ts";
import { type Finding, ok, warning } from "./finding.ts";

/** Fields that the registration should have, and does not. */
export type Offer = { singleActiveToken?: true; maxLifetime?: number };

type Fields = Pick<Registration, "singleActiveToken" | "maxLifetime" | "apiBaseUrl">;

/** Seconds by which a token may expire early without a warning: transport, and rounded clocks. */
const tolerance = 2;

/** Findings about how Smart Services behaves, and fields to set in the registration. Pure. */
export function behaviourFindings(
  connection: ConnectionId,
  registration: Fields,
  observed: Behaviour,
): { findings: Finding[]; offer: Offer } {
  const offer = offerOf(registration, observed);
  const set = `broker connections set ${connection}`;
  const findings = [
    ok(`the token response is ${observed.format.description}`),
    refreshFinding(observed),
    replacementFinding(connection, registration, observed, set),
    lifetimeFinding(connection, registration, observed, offer, set),
  ];
  return { findings: findings.map((finding) => ({ ...finding, what: `${connection}: ${finding.what}` })), offer };
}

function offerOf(registration: Fields, observed: Behaviour): Offer {
  const { diedAfter, claimedLifetime } = observed;
  const expected = Math.min(claimedLifetime, registration.maxLifetime ?? Number.POSITIVE_INFINITY);
  // If a new token invalidates the previous one, the broker may have invalidated the observed token.
  const expiresEarly = !observed.singleActiveToken && diedAfter !== undefined && diedAfter + tolerance < expected;
  return {
    ...(observed.singleActiveToken && !registration.singleActiveToken && { singleActiveToken: true }),
    // The token may have expired up to a second before the check that found it invalid.
    ...(expiresEarly && { maxLifetime: Math.max(1, Math.floor(diedAfter) - 1) }),
  };
}

function refreshFinding({ refreshTokens, rotateRefresh, refreshTokenRejected }: Behaviour): Finding {
  if (!refreshTokens) return ok("there is no refresh token; the broker uses the API key each time");
  if (refreshTokenRejected) {
    return warning(
      "Smart Services rejected its own refresh token",
      "nothing to do: the broker uses the API key instead",
    );
  }
  return ok(rotateRefresh ? "the refresh token rotates at each use" : "the refresh token does not rotate");
}

function replacementFinding(
  connection: ConnectionId,
  { singleActiveToken, apiBaseUrl }: Fields,
  observed: Behaviour,
  set: string,
): Finding {
  if (observed.sameToken) return ok("Smart Services returns the same token while it is valid");
  if (observed.apiProblem !== undefined) {
    const what = `${observed.apiProblem}, so it cannot be checked whether a new token invalidates the previous one`;
    return warning(what, `broker connections show ${connection}`);
  }
  if (observed.singleActiveToken === undefined) {
    const fix = apiBaseUrl === undefined ? `${set} --api-base-url URL` : `broker connections show ${connection}`;
    return warning("cannot check whether a new token invalidates the previous one", fix);
  }
  if (!observed.singleActiveToken) return ok("a new token leaves the previous one valid");
  return singleActiveToken
    ? ok("a new token invalidates the previous one, as registered")
    : warning(
        "a new token invalidates the previous one, but singleActiveToken is not set",
        `${set} --single-active-token`,
      );
}

function lifetimeFinding(
  connection: ConnectionId,
  { maxLifetime }: Fields,
  observed: Behaviour,
  offer: Offer,
  set: string,
): Finding {
  const { claimedLifetime, claimsLifetime, diedAfter, livedFor } = observed;
  const claim = claimsLifetime
    ? `tokens claim a lifetime of ${Math.round(claimedLifetime)} s`
    : `tokens claim no lifetime (the broker assumes ${claimedLifetime} s)`;
  if (diedAfter !== undefined) {
    const what = `${claim}; one became invalid after ${Math.round(diedAfter)} s`;
    if (offer.maxLifetime !== undefined) {
      return warning(`${what}, but maxLifetime does not say so`, `${set} --max-lifetime ${offer.maxLifetime}`);
    }
    return ok(observed.singleActiveToken ? `${what}: it expired, or the broker replaced it` : what);
  }
  if (livedFor !== undefined) return ok(`${claim}; one was valid after ${Math.round(livedFor)} s`);
  if (claimsLifetime || maxLifetime !== undefined) return ok(claim);
  return warning(claim, `broker doctor --probe ${connection} --observe 3600`);
}
