import { callerKeyHash, isCallerKey } from "@smart-token-broker/auth-core/rules/caller-key.ts";
import {
  matchesClaims,
  type Caller,
  connectionsOf,
  type KeyCaller,
  type OidcCaller,
} from "@smart-token-broker/auth-core/rules/callers.ts";
import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { readUnverifiedIssuer } from "@smart-token-broker/auth-core/rules/jwt.ts";
import type { OAuthError } from "./oauth-error.ts";
import type { Secret } from "@smart-token-broker/auth-core/rules/secret.ts";

/** Who asks, and what they may have. */
export interface Authenticated {
  kind: "authenticated";
  /** Connection → the name of the entry that allows it. */
  allowed: Map<ConnectionId, string>;
  /** The caller key, where one was shown: a refresh token can be made of it. */
  key?: Secret;
}

/** Verifies JWTs by their issuer's published keys. */
export interface JwtVerifier {
  /** Never throws for what a token or an issuer is like. */
  verify(token: Secret, issuer: string): Promise<JwtVerdict>;
}

export type JwtVerdict =
  | { kind: "valid"; claims: Record<string, unknown> }
  /** `reason` is a code, for the log; the caller is told no more than that it is not accepted. */
  | { kind: "invalid"; reason: string }
  | { kind: "unavailable"; reason: string /** Seconds until its issuer is asked again. */; retryAfter: number };

/** One answer for everything that is not accepted: what is wrong with a credential helps only whoever guesses. */
const notAccepted: OAuthError = {
  error: "invalid_client",
  description: "the credential is not accepted: unknown, expired, revoked, or not for this service",
};

/**
 * Finds out who shows a credential: a caller key, by its hash and without any I/O; a JWT, by the keys of an issuer that
 * the list names, and of no other.
 */
export class Authenticator {
  readonly #byHash = new Map<string, KeyCaller>();
  readonly #oidc: OidcCaller[];
  readonly #verifier: JwtVerifier;

  constructor(callers: Caller[], verifier: JwtVerifier) {
    for (const caller of callers) {
      if (caller.kind !== "key") continue;
      for (const hash of caller.keySha256) this.#byHash.set(hash, caller);
    }
    this.#oidc = callers.filter((caller) => caller.kind === "oidc");
    this.#verifier = verifier;
  }

  /**
   * @param origin the Origin header, which a browser sends: then only a JWT of an entry with that origin is accepted
   * @param name the name that the caller gives itself (`client_id`), where it must
   */
  async authenticate(
    credential: Secret,
    of: { origin?: string; name?: string } = {},
  ): Promise<Authenticated | OAuthError> {
    if (isCallerKey(credential.reveal())) return this.#byKey(credential, of);
    const issuer = readUnverifiedIssuer(credential.reveal());
    const candidates = this.#oidc.filter(
      (caller) => caller.issuer === issuer && (of.origin === undefined || caller.origins.includes(of.origin)),
    );
    if (issuer === undefined || candidates.length === 0) return notAccepted;
    const verdict = await this.#verifier.verify(credential, issuer);
    switch (verdict.kind) {
      case "invalid":
        return notAccepted;
      case "unavailable":
        return {
          error: "temporarily_unavailable",
          description: "the issuer of the token does not answer, and its keys are not known yet",
          failure: {
            code: "unavailable",
            detail: "the issuer of the token does not answer",
            retryAfter: verdict.retryAfter,
          },
        };
      case "valid":
        return this.#byClaims(candidates, verdict.claims);
    }
  }

  #byKey(key: Secret, of: { origin?: string; name?: string }): Authenticated | OAuthError {
    if (of.origin !== undefined) {
      return { error: "invalid_client", description: "a web page must not hold a caller key: send the user's JWT" };
    }
    const caller = this.#byHash.get(callerKeyHash(key));
    if (!caller || (of.name !== undefined && of.name !== caller.name)) return notAccepted;
    return { kind: "authenticated", key, allowed: new Map(caller.connections.map((id) => [id, caller.name])) };
  }

  #byClaims(candidates: OidcCaller[], claims: Record<string, unknown>): Authenticated | OAuthError {
    const allowed = new Map<ConnectionId, string>();
    const admitting = candidates.filter((caller) => matchesClaims(caller, claims));
    for (const caller of admitting) {
      for (const id of connectionsOf(caller, claims)) if (!allowed.has(id)) allowed.set(id, caller.name);
    }
    return admitting.length > 0 ? { kind: "authenticated", allowed } : notAccepted;
  }
}
