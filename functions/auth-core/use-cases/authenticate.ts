import { callerKeyHash, isCallerKey } from "../rules/callers/caller-key.ts";
import type { Caller } from "../rules/callers/callers.ts";
import { connectionsOf, livesAtMost, matchesClaims } from "../rules/callers/claims.ts";
import type { KeyCaller } from "../rules/callers/key-caller.ts";
import type { OidcCaller } from "../rules/callers/oidc-caller.ts";
import type { ConnectionId } from "../rules/connection-id.ts";
import { catchUnavailable, type Failure, tableUnavailable } from "../rules/failure.ts";
import { readUnverifiedIssuer } from "../rules/jwt.ts";
import type { Secret } from "../rules/secret.ts";
import type { Ports } from "./ports.ts";
import type { RevokedKeys } from "./revoked-keys.ts";

/** A caller whose credential is accepted, and the connections that it may use. */
export interface Authenticated {
  kind: "authenticated";
  /** Connection → the names of the entries that allow it, at least one, in the order of the list. */
  allowed: Map<ConnectionId, string[]>;
  /** The JWT's `sub`, if its entries list each user's connections. Without it, an entry is one caller. */
  user?: string;
  /** Who the JWT is for, if it says so. */
  subject?: { iss: string; sub: string };
  /** The hash of the caller key, if the credential was one. */
  keySha256?: string;
}

/** Why a credential is not accepted. Each edge has an error of its own for it. */
export type NotAuthenticated =
  /**
   * The reason would help only an attacker. But a page that sends a key learns that it must not hold one, and the log names the
   * entry of a `revoked` key.
   */
  | { kind: "not_accepted"; heldByPage?: true; revoked?: string }
  /** The table or the issuer of the JWT is unavailable. */
  | { kind: "unavailable"; failure: Failure };

/** Verifies JWTs with the published keys of their issuer. */
export interface JwtVerifier {
  /**
   * Never throws because of the token or the issuer.
   *
   * @param isListed whether an entry accepts these claims. Only then the verifier may remember its verdict
   */
  verify(token: Secret, issuer: string, isListed: (claims: Record<string, unknown>) => boolean): Promise<JwtVerdict>;
}

export type JwtVerdict =
  | { kind: "valid"; claims: Record<string, unknown> }
  /** `reason` is a code that no response contains: the caller learns only that the token is not accepted. */
  | { kind: "invalid"; reason: string }
  | { kind: "unavailable"; reason: string /** Seconds until the next request to the issuer. */; retryAfter: number };

/** What a request says about its caller, apart from the credential. */
export interface Claimed {
  /** The Origin header. Browsers send it; then only a JWT of an entry with this origin is accepted. */
  origin?: string | undefined;
  /**
   * `client_id`, if the request has one. It must be the name of the caller's entry or, with a JWT, the JWT's `sub`, `azp`
   * or `client_id` (RFC 7521 §4.2), or its audience: that is the client of an ID token.
   */
  clientId?: string | undefined;
}

export const notAccepted: NotAuthenticated = { kind: "not_accepted" };

/**
 * Authenticates callers. Finds a caller key by its hash, and only if it is listed checks whether it is revoked. Verifies a
 * JWT with the keys of its issuer, only if the list of callers names that issuer.
 */
export class Authenticator {
  readonly #byHash = new Map<string, KeyCaller>();
  readonly #oidc: OidcCaller[];
  readonly #verifier: JwtVerifier;
  readonly #ports: Pick<Ports, "clock" | "notice"> & { revoked: Pick<RevokedKeys, "has"> };

  constructor(
    callers: Caller[],
    verifier: JwtVerifier,
    ports: Pick<Ports, "clock" | "notice"> & { revoked: Pick<RevokedKeys, "has"> },
  ) {
    for (const caller of callers) {
      if (caller.kind === "key") for (const hash of caller.keySha256) this.#byHash.set(hash, caller);
    }
    this.#oidc = callers.filter((caller) => caller.kind === "oidc");
    this.#verifier = verifier;
    this.#ports = ports;
  }

  /** Authenticates by a caller key or a JWT; with `only`, by this one alone. */
  async authenticate(
    credential: Secret,
    claimed: Claimed = {},
    only?: "caller_key" | "jwt",
  ): Promise<Authenticated | NotAuthenticated> {
    if (isCallerKey(credential.reveal())) {
      return only === "jwt" ? notAccepted : this.byKeyHash(callerKeyHash(credential), claimed);
    }
    if (only === "caller_key") return notAccepted;
    const { origin } = claimed;
    const issuer = readUnverifiedIssuer(credential.reveal());
    const candidates = this.#oidc.filter(
      (caller) => caller.issuer === issuer && (origin === undefined || caller.origins.includes(origin)),
    );
    if (issuer === undefined || candidates.length === 0) return notAccepted;
    const { clock } = this.#ports;
    const judge = (claims: Record<string, unknown>) =>
      byClaims(candidates, { ...claims, iss: issuer }, claimed, clock.now());
    const isListed = (claims: Record<string, unknown>) => judge(claims) !== notAccepted;
    const verdict = await this.#verifier.verify(credential, issuer, isListed);
    switch (verdict.kind) {
      case "invalid":
        return notAccepted;
      case "unavailable":
        return { kind: "unavailable", failure: issuerUnavailable(verdict.retryAfter) };
      case "valid":
        return judge(verdict.claims);
    }
  }

  /** Authenticates by the hash of a caller key, for a credential that stands for the key. */
  async byKeyHash(keySha256: string, { origin, clientId }: Claimed): Promise<Authenticated | NotAuthenticated> {
    if (origin !== undefined) return { kind: "not_accepted", heldByPage: true };
    const caller = this.#byHash.get(keySha256);
    if (!caller || (clientId !== undefined && clientId !== caller.name)) return notAccepted;
    const isRevoked = await orUnavailable(this.#ports, () => this.#ports.revoked.has(keySha256));
    if (typeof isRevoked === "object") return isRevoked;
    if (isRevoked) return { kind: "not_accepted", revoked: caller.name };
    return { kind: "authenticated", keySha256, allowed: new Map(caller.connections.map((id) => [id, [caller.name]])) };
  }
}

/** The result of a read of the table; if the table is unavailable, this verdict. */
export function orUnavailable<Result>(
  { notice }: Pick<Ports, "notice">,
  read: () => Promise<Result>,
): Promise<Result | (NotAuthenticated & { kind: "unavailable" })> {
  return catchUnavailable(read, (error) => {
    notice({ kind: "table_unavailable", reason: error.message });
    return { kind: "unavailable" as const, failure: tableUnavailable };
  });
}

function issuerUnavailable(retryAfter: number): Failure {
  return {
    code: "unavailable",
    detail:
      "The issuer of the JWT does not answer, and the broker has no keys of it from the last day. Retry after Retry-After.",
    retryAfter,
  };
}

function byClaims(
  candidates: OidcCaller[],
  claims: Record<string, unknown> & { iss: string },
  { clientId }: Claimed,
  now: number,
): Authenticated | NotAuthenticated {
  const allowed = new Map<ConnectionId, string[]>();
  const { iss, sub, azp, client_id: claimed } = claims;
  const isClient = ({ name, audience }: OidcCaller) =>
    clientId === undefined || [name, audience, sub, azp, claimed].includes(clientId);
  const matching = candidates.filter(
    (caller) => matchesClaims(caller, claims) && livesAtMost(caller.maxLifetime, claims, now) && isClient(caller),
  );
  for (const caller of matching) {
    for (const id of connectionsOf(caller, claims)) allowed.set(id, [...(allowed.get(id) ?? []), caller.name]);
  }
  if (matching.length === 0) return notAccepted;
  // The `sub` of a pipeline has the branch: a person who can push can have any number of them. A user has only one.
  const isUser = typeof sub === "string" && matching.every((caller) => caller.connectionsClaim !== undefined);
  const subject = typeof sub === "string" ? { iss, sub } : undefined;
  return { kind: "authenticated", allowed, ...(isUser && { user: sub }), ...(subject && { subject }) };
}
