import type { Caller } from "@smart-token-broker/auth-core/rules/callers/callers.ts";
import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import type { RegisteredNames } from "@smart-token-broker/auth-core/rules/tokens/token-set.ts";
import {
  type Authenticated,
  Authenticator,
  type Claimed,
  type JwtVerifier,
  type NotAuthenticated,
  notAccepted as unaccepted,
  orUnavailable,
} from "@smart-token-broker/auth-core/use-cases/authenticate.ts";
import type { Ports } from "@smart-token-broker/auth-core/use-cases/ports.ts";
import type { RevokedKeys } from "@smart-token-broker/auth-core/use-cases/revoked-keys.ts";
import type { Credential } from "../rules/grant-request.ts";
import { type OAuthError, oauthError, toOAuthError } from "../rules/oauth-error.ts";
import { readRefreshHandle } from "../rules/refresh-handle.ts";
import type { IssuedHandles } from "./issued-handles.ts";

/** A caller of these routes. */
export interface Client extends Authenticated {
  /** The names that the connection's token must be issued for, if the credential was a refresh handle. */
  names?: RegisteredNames;
}

interface ClientPorts extends Pick<Ports, "clock" | "notice"> {
  issuedHandles: Pick<IssuedHandles, "ownerOf">;
  revoked: Pick<RevokedKeys, "has">;
}

/** One error for every credential that is not accepted: the reason would help only an attacker. */
export const notAccepted = oauthError(
  "invalid_client",
  "The credential is not accepted: it is unknown, expired, revoked, in the wrong field, of another client_id or not for this service. Send a valid caller key or JWT.",
);

const heldByPage = oauthError(
  "invalid_client",
  "A web page must not hold a caller key. Send the JWT of its user instead.",
);

/** Authenticates by a caller key, a JWT, or a refresh handle, which stands for the caller key that got it. */
export class ClientAuthenticator {
  readonly #authenticator: Authenticator;
  /** The connections of all callers with a key. */
  readonly #withKey: Set<ConnectionId>;
  readonly #ports: ClientPorts;

  constructor(callers: Caller[], verifier: JwtVerifier, ports: ClientPorts) {
    this.#authenticator = new Authenticator(callers, verifier, ports);
    this.#withKey = new Set(callers.flatMap((caller) => (caller.kind === "key" ? caller.connections : [])));
    this.#ports = ports;
  }

  async authenticate({ value, accepted }: Credential, claimed: Claimed = {}): Promise<Client | OAuthError> {
    const only = accepted === "caller_key_or_jwt" ? undefined : accepted;
    const verdict =
      only === "refresh_handle"
        ? await this.#byHandle(value.reveal(), claimed)
        : await this.#authenticator.authenticate(value, claimed, only);
    if (verdict.kind === "authenticated") return verdict;
    if (verdict.kind === "unavailable") return toOAuthError(verdict.failure);
    const { revoked } = verdict;
    if (revoked !== undefined) return { ...notAccepted, revoked };
    return verdict.heldByPage ? heldByPage : notAccepted;
  }

  /** Finds the owner of a refresh handle. Its form and its connection are checked without I/O. */
  async #byHandle(text: string, claimed: Claimed): Promise<Client | NotAuthenticated> {
    if (claimed.origin !== undefined) return { kind: "not_accepted", heldByPage: true };
    const read = readRefreshHandle(text);
    if (!read || !this.#withKey.has(read.connection)) return unaccepted;
    const { issuedHandles } = this.#ports;
    const owner = await orUnavailable(this.#ports, async () => issuedHandles.ownerOf(read.connection, read.handle));
    if (!owner) return unaccepted;
    if ("kind" in owner) return owner;
    const caller = await this.#authenticator.byKeyHash(owner.keySha256, claimed);
    return caller.kind === "authenticated" ? { ...caller, names: owner.names } : caller;
  }
}
