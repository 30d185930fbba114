import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { catchUnavailable, secretsUnavailable, tableUnavailable } from "@smart-token-broker/auth-core/rules/failure.ts";
import type { Ports } from "@smart-token-broker/auth-core/use-cases/ports.ts";
import { readRegistration } from "@smart-token-broker/auth-core/use-cases/read-registration.ts";
import { type OAuthError, oauthError, toOAuthError } from "./oauth-error.ts";

/** How the vendor names a connection. */
interface VendorName {
  username: string;
  scope: string;
}

/** Maximum connections of a caller that the finder compares with a username and a scope. With more, send the id. */
const maxCandidates = 100;

const maxRemembered = 10_000;

/** Seconds for which memory keeps a registered name, which hardly ever changes. */
const rememberedFor = 300;

/**
 * Finds the connection that a caller names, by id or by the vendor's username and scope.
 * The names come from the table, or from the secret if the table does not have them yet.
 */
export class ConnectionFinder {
  readonly #ports: Ports;
  readonly #known = new Map<ConnectionId, VendorName & { until: number }>();

  constructor(ports: Ports) {
    this.#ports = ports;
  }

  /**
   * Finds one of the connections in `allowed`.
   *
   * @param scope an id or the vendor's scope; if absent, `allowed` must have only one connection
   * @param username if present, it must be the registered one
   */
  async find(
    allowed: ReadonlySet<ConnectionId>,
    { scope, username }: { scope?: string | undefined; username?: string | undefined },
  ): Promise<{ kind: "found"; connection: ConnectionId } | OAuthError> {
    if (scope === undefined && username === undefined) {
      const [only, ...others] = allowed;
      if (only !== undefined && others.length === 0) return { kind: "found", connection: only };
      return invalidScope("This caller has no connection, or more than one. Send the id of one connection in scope.");
    }
    const byId = [...allowed].find((id) => id === scope);
    if (byId !== undefined && username === undefined) return { kind: "found", connection: byId };

    const matches: ConnectionId[] = [];
    for (const connection of candidates(allowed, byId, username)) {
      const name = await this.#nameOf(connection);
      if (name.kind === "oauth_error") return name;
      if (name.kind === "not_registered") continue;
      const isScope = scope === name.scope || scope === connection;
      if (isScope && (username === undefined || username === name.username)) matches.push(connection);
      // Username and scope together name one connection; a scope alone may name two.
      if (matches.length > 1 || (matches.length === 1 && username !== undefined)) break;
    }
    const [match, second] = matches;
    if (match === undefined) {
      return noSuchConnection;
    }
    if (second === undefined) return { kind: "found", connection: match };
    return invalidScope("More than one connection has this scope. Send the id of one connection in scope.");
  }

  /** The registered username and scope, if there is a usable registration. */
  async #nameOf(
    connection: ConnectionId,
  ): Promise<({ kind: "registered" } & VendorName) | { kind: "not_registered" } | OAuthError> {
    const known = this.#known.get(connection);
    if (known && known.until > this.#ports.clock.now()) return { kind: "registered", ...known };
    const item = await catchUnavailable(
      () => this.#ports.table.read(connection, "eventual"),
      () => "unavailable" as const,
    );
    if (item === "unavailable") return toOAuthError(tableUnavailable);
    const { username: knownUsername, registeredScope } = item?.tokenSet ?? {};
    if (knownUsername !== undefined && registeredScope !== undefined) {
      return this.#remember(connection, { username: knownUsername, scope: registeredScope });
    }
    const reading = await readRegistration(this.#ports, connection);
    if (reading.kind === "unavailable") return toOAuthError(secretsUnavailable);
    if (reading.kind !== "registered") return { kind: "not_registered" };
    const { username, scope } = reading.registration;
    return this.#remember(connection, { username, scope });
  }

  #remember(connection: ConnectionId, name: VendorName): { kind: "registered" } & VendorName {
    if (this.#known.size >= maxRemembered) this.#known.clear();
    this.#known.set(connection, { ...name, until: this.#ports.clock.now() + rememberedFor });
    return { kind: "registered", ...name };
  }
}

/** The most likely first: the connection with this id, or the one that the vendor's form of usernames suggests. */
function candidates(
  allowed: ReadonlySet<ConnectionId>,
  byId: ConnectionId | undefined,
  username: string | undefined,
): ConnectionId[] {
  if (byId !== undefined) return [byId];
  const suggested = username?.replace(/^admin_/, "").toLowerCase();
  const all = [...allowed];
  return [...all.filter((id) => id === suggested), ...all.filter((id) => id !== suggested)].slice(0, maxCandidates);
}

const invalidScope = (description: string) => oauthError("invalid_scope", description);

export const noSuchConnection = invalidScope(
  "This caller has no connection with this username and scope. Send the registered username and scope.",
);
