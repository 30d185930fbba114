import { callerKeyHash, isCallerKey } from "@smart-token-broker/auth-core/rules/callers/caller-key.ts";
import type { Caller } from "@smart-token-broker/auth-core/rules/callers/callers.ts";
import type { KeyCaller } from "@smart-token-broker/auth-core/rules/callers/key-caller.ts";
import type { OidcCaller } from "@smart-token-broker/auth-core/rules/callers/oidc-caller.ts";
import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { catchUnavailable, tableUnavailable } from "@smart-token-broker/auth-core/rules/failure.ts";
import { readUnverifiedIssuer } from "@smart-token-broker/auth-core/rules/jwt.ts";
import type { Secret } from "@smart-token-broker/auth-core/rules/secret.ts";
import type { RegisteredNames } from "@smart-token-broker/auth-core/rules/tokens/token-set.ts";
import type { Ports } from "@smart-token-broker/auth-core/use-cases/ports.ts";
import { connectionsOf, livesAtMost, matchesClaims } from "../rules/claims.ts";
import type { Credential } from "../rules/grant-request.ts";
import type { IssuedHandles } from "./issued-handles.ts";
import { type OAuthError, oauthError, toOAuthError } from "../rules/oauth-error.ts";
import { readRefreshHandle } from "../rules/refresh-handle.ts";
import type { RevokedKeys } from "./revoked-keys.ts";

/** A caller whose credential is accepted, and the connections that it may use. */
export interface Authenticated {
  kind: "authenticated";
  /** Connection → the name of the entry that allows it. */
  allowed: Map<ConnectionId, string>;
  /** The JWT's `sub`, if its entries list each user's connections. Without it, an entry is one caller. */
  user?: string;
  /** The hash of the caller key, if the credential was one or its refresh handle. */
  keySha256?: string;
  /** The names that the connection's token must be issued for, if the credential was a refresh handle. */
  names?: RegisteredNames;
}

/** Verifies JWTs with the published keys of their issuer. */
export interface JwtVerifier {
  /** Never throws because of the token or the issuer. */
  verify(token: Secret, issuer: string): Promise<JwtVerdict>;
}

export type JwtVerdict =
  | { kind: "valid"; claims: Record<string, unknown> }
  /** `reason` is a code that no response contains: the caller learns only that the token is not accepted. */
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

interface AuthenticatorPorts extends Pick<Ports, "clock" | "notice"> {
  issuedHandles: Pick<IssuedHandles, "ownerOf">;
  revoked: Pick<RevokedKeys, "has">;
}

/**
 * Authenticates callers. Finds a caller key by its hash, and only if it is listed checks whether it is revoked. Verifies a
 * JWT with the keys of its issuer, only if the list of callers names that issuer.
 */
export class Authenticator {
  readonly #byHash = new Map<string, KeyCaller>();
  /** The connections of all callers with a key. */
  readonly #withKey = new Set<ConnectionId>();
  readonly #oidc: OidcCaller[];
  readonly #verifier: JwtVerifier;
  readonly #ports: AuthenticatorPorts;

  constructor(callers: Caller[], verifier: JwtVerifier, ports: AuthenticatorPorts) {
    for (const caller of callers) {
      if (caller.kind !== "key") continue;
      for (const hash of caller.keySha256) this.#byHash.set(hash, caller);
      for (const connection of caller.connections) this.#withKey.add(connection);
    }
    this.#oidc = callers.filter((caller) => caller.kind === "oidc");
    this.#verifier = verifier;
    this.#ports = ports;
  }

  async authenticate({ value, accepted }: Credential, claimed: Claimed = {}): Promise<Authenticated | OAuthError> {
    if (accepted === "refresh_handle") return this.#orUnavailable(() => this.#byHandle(value, claimed));
    if (isCallerKey(value.reveal())) {
      return accepted === "jwt"
        ? notAccepted
        : this.#orUnavailable(() => this.#byKeyHash(callerKeyHash(value), claimed));
    }
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
        return byClaims(candidates, verdict.claims, claimed, this.#ports.clock.now());
    }
  }

  async #byKeyHash(keySha256: string, { origin, clientId }: Claimed): Promise<Authenticated | OAuthError> {
    if (origin !== undefined) return heldByPage;
    const caller = this.#byHash.get(keySha256);
    if (!caller || (clientId !== undefined && clientId !== caller.name)) return notAccepted;
    if (await this.#ports.revoked.has(keySha256)) return notAccepted;
    return { kind: "authenticated", keySha256, allowed: new Map(caller.connections.map((id) => [id, caller.name])) };
  }

  /** Finds the owner of a refresh handle. Its form and its connection are checked without I/O. */
  async #byHandle(value: Secret, claimed: Claimed): Promise<Authenticated | OAuthError> {
    if (claimed.origin !== undefined) return heldByPage;
    const read = readRefreshHandle(value.reveal());
    if (!read || !this.#withKey.has(read.connection)) return notAccepted;
    const owner = await this.#ports.issuedHandles.ownerOf(read.connection, read.handle);
    if (!owner) return notAccepted;
    const caller = await this.#byKeyHash(owner.keySha256, claimed);
    return caller.kind === "authenticated" ? { ...caller, names: owner.names } : caller;
  }

  #orUnavailable(authenticate: () => Promise<Authenticated | OAuthError>): Promise<Authenticated | OAuthError> {
    return catchUnavailable(authenticate, (error) => {
      this.#ports.notice({ kind: "table_unavailable", reason: error.message });
      return toOAuthError(tableUnavailable);
    });
  }
}

const heldByPage = oauthError(
  "invalid_client",
  "A web page must not hold a caller key. Send the JWT of its user instead.",
);

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
  if (matching.length === 0) return notAccepted;
  // The `sub` of a pipeline has the branch: a person who can push can have any number of them. A user has only one.
  const isUser = typeof sub === "string" && matching.every((caller) => caller.connectionsClaim !== undefined);
  return { kind: "authenticated", allowed, ...(isUser && { user: sub }) };
}
