import { callerKeyHash, isCallerKey } from "@smart-token-broker/auth-core/rules/caller-key.ts";
import type { Caller, KeyCaller, OidcCaller } from "@smart-token-broker/auth-core/rules/callers.ts";
import type { Clock } from "@smart-token-broker/auth-core/rules/clock.ts";
import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { readUnverifiedIssuer } from "@smart-token-broker/auth-core/rules/jwt.ts";
import type { Secret } from "@smart-token-broker/auth-core/rules/secret.ts";
import { connectionsOf, matchesClaims } from "./claims.ts";
import type { Credential } from "./grant-request.ts";
import { livesAtMost } from "./jwt-rules.ts";
import { type OAuthError, oauthError, toOAuthError } from "./oauth-error.ts";

/** A caller whose credential is accepted, and the connections that it may use. */
export interface Authenticated {
  kind: "authenticated";
  /** Connection → the name of the entry that allows it. */
  allowed: Map<ConnectionId, string>;
  /** The caller key, if the credential was one. Only then the token response has a refresh token. */
  key?: Secret;
}

/** Verifies JWTs with the published keys of their issuer. */
export interface JwtVerifier {
  /** Never throws because of the token or the issuer. */
  verify(token: Secret, issuer: string): Promise<JwtVerdict>;
}

export type JwtVerdict =
  | { kind: "valid"; claims: Record<string, unknown> }
  /** `reason` is a code for the log. The caller learns only that the token is not accepted. */
  | { kind: "invalid"; reason: string }
  | { kind: "unavailable"; reason: string /** Seconds until the next request to the issuer. */; retryAfter: number };

/** What a request says about its caller, apart from the credential. */
interface Claimed {
  /** The Origin header. Browsers send it; then only a JWT of an entry with this origin is accepted. */
  origin?: string | undefined;
  /**
   * `client_id`, if the request has one. It must be the name of the caller's entry or, with a JWT, the JWT's `sub`, `azp`
   * or `client_id` (RFC 7521 §4.2), or its audience: that is the client of an ID token.
   */
  clientId?: string | undefined;
}

/** One error for every credential that is not accepted: the reason would help only an attacker. */
export const notAccepted = oauthError(
  "invalid_client",
  "The credential is not accepted: it is unknown, expired, revoked, in the wrong field, of another client_id or not for this service. Send a valid caller key or JWT.",
);

/**
 * Authenticates callers. Finds a caller key by its hash, without I/O. Verifies a JWT with the keys of its issuer, only if
 * the list of callers names that issuer.
 */
export class Authenticator {
  readonly #byHash = new Map<string, KeyCaller>();
  readonly #oidc: OidcCaller[];
  readonly #verifier: JwtVerifier;
  readonly #clock: Pick<Clock, "now">;

  constructor(callers: Caller[], verifier: JwtVerifier, clock: Pick<Clock, "now">) {
    for (const caller of callers) {
      if (caller.kind !== "key") continue;
      for (const hash of caller.keySha256) this.#byHash.set(hash, caller);
    }
    this.#oidc = callers.filter((caller) => caller.kind === "oidc");
    this.#verifier = verifier;
    this.#clock = clock;
  }

  async authenticate({ value, accepted }: Credential, claimed: Claimed = {}): Promise<Authenticated | OAuthError> {
    if (isCallerKey(value.reveal())) return accepted === "jwt" ? notAccepted : this.#byKey(value, claimed);
    if (accepted === "caller_key") return notAccepted;
    const { origin } = claimed;
    const issuer = readUnverifiedIssuer(value.reveal());
    const candidates = this.#oidc.filter(
      (caller) => caller.issuer === issuer && (origin === undefined || caller.origins.includes(origin)),
    );
    if (issuer === undefined || candidates.length === 0) return notAccepted;
    const verdict = await this.#verifier.verify(value, issuer);
    switch (verdict.kind) {
      case "invalid":
        return notAccepted;
      case "unavailable":
        return toOAuthError({
          code: "unavailable",
          detail:
            "The issuer of the JWT does not answer, and the broker has no keys of it from the last day. Retry after Retry-After.",
          retryAfter: verdict.retryAfter,
        });
      case "valid":
        return byClaims(candidates, verdict.claims, claimed, this.#clock.now());
    }
  }

  #byKey(key: Secret, { origin, clientId }: Claimed): Authenticated | OAuthError {
    if (origin !== undefined) {
      return oauthError("invalid_client", "A web page must not hold a caller key. Send the JWT of its user instead.");
    }
    const caller = this.#byHash.get(callerKeyHash(key));
    if (!caller || (clientId !== undefined && clientId !== caller.name)) return notAccepted;
    return { kind: "authenticated", key, allowed: new Map(caller.connections.map((id) => [id, caller.name])) };
  }
}

function byClaims(
  candidates: OidcCaller[],
  claims: Record<string, unknown>,
  { clientId }: Claimed,
  now: number,
): Authenticated | OAuthError {
  const allowed = new Map<ConnectionId, string>();
  const { sub, azp, client_id: claimed } = claims;
  const isClient = ({ name, audience }: OidcCaller) =>
    clientId === undefined || [name, audience, sub, azp, claimed].includes(clientId);
  const matching = candidates.filter(
    (caller) => matchesClaims(caller, claims) && livesAtMost(caller.maxLifetime, claims, now) && isClient(caller),
  );
  for (const caller of matching) {
    for (const id of connectionsOf(caller, claims)) if (!allowed.has(id)) allowed.set(id, caller.name);
  }
  return matching.length > 0 ? { kind: "authenticated", allowed } : notAccepted;
}
