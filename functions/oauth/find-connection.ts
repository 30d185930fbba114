import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import {
  type Failure,
  secretsUnavailable,
  tableUnavailable,
  UnavailableError,
} from "@smart-token-broker/auth-core/rules/failure.ts";
import { toOAuthError, type OAuthError } from "./oauth-error.ts";
import type { Ports } from "@smart-token-broker/auth-core/use-cases/ports.ts";
import { readRegistration } from "@smart-token-broker/auth-core/use-cases/replace.ts";

/** How the vendor names a connection. */
interface VendorName {
  username: string;
  scope: string;
}

/** How many connections of a caller are looked at for a username and a scope; whoever has more names its id. */
const maxCandidates = 100;

const maxRemembered = 10_000;

/** Seconds for which a registered name is believed. */
const rememberedFor = 300;

/**
 * Finds which of a caller's connections is meant, by id or by the vendor's username and scope.
 * What the table does not know yet is read from the secret; what was read is remembered for five minutes, since it hardly ever changes.
 */
export class ConnectionFinder {
  readonly #ports: Ports;
  readonly #known = new Map<ConnectionId, VendorName & { until: number }>();

  constructor(ports: Ports) {
    this.#ports = ports;
  }

  /**
   * The connection, of those `allowed`.
   *
   * @param scope an id, or the vendor's scope; absent: the only one that there is
   * @param username must be the registered one, where it is given
   */
  async find(
    allowed: ReadonlySet<ConnectionId>,
    { scope, username }: { scope?: string | undefined; username?: string | undefined },
  ): Promise<{ connection: ConnectionId } | OAuthError> {
    if (scope === undefined && username === undefined) {
      const [only, ...others] = allowed;
      if (only !== undefined && others.length === 0) return { connection: only };
      return invalidScope("name a connection in scope: this caller has none, or more than one");
    }
    const byId = [...allowed].find((id) => id === scope);
    if (byId !== undefined && username === undefined) return { connection: byId };

    const matches: ConnectionId[] = [];
    for (const connection of candidates(allowed, byId, username)) {
      const name = await this.#nameOf(connection);
      if (name === undefined) continue;
      if ("code" in name) return toOAuthError(name);
      const isScope = scope === name.scope || scope === connection;
      if (isScope && (username === undefined || username === name.username)) matches.push(connection);
      // A username and a scope are those of one connection; a scope alone might be those of two.
      if (matches.length > 1 || (matches.length === 1 && username !== undefined)) break;
    }
    const [match, second] = matches;
    if (match !== undefined && second === undefined) return { connection: match };
    return second === undefined
      ? invalidScope("this caller has no connection with this username and scope")
      : invalidScope("this scope is that of more than one connection: name the connection's id in scope");
  }

  /** The registered username and scope; `undefined` where there is no usable registration. */
  async #nameOf(connection: ConnectionId): Promise<VendorName | Failure | undefined> {
    const known = this.#known.get(connection);
    if (known && known.until > this.#ports.clock.now()) return known;
    try {
      const item = await this.#ports.table.read(connection, "eventual");
      const { username, registeredScope: scope } = item?.tokenSet ?? {};
      if (username !== undefined && scope !== undefined) return this.#remember(connection, { username, scope });
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error;
      return tableUnavailable;
    }
    const reading = await readRegistration(this.#ports, connection);
    if (reading.kind === "unavailable") return secretsUnavailable;
    if (reading.kind !== "registered") return undefined;
    const { username, scope } = reading.registration;
    return this.#remember(connection, { username, scope });
  }

  #remember(connection: ConnectionId, name: VendorName): VendorName {
    if (this.#known.size >= maxRemembered) this.#known.clear();
    this.#known.set(connection, { ...name, until: this.#ports.clock.now() + rememberedFor });
    return name;
  }
}

/** The likeliest first: the one that is named by its id, then the one that the vendor's form of usernames suggests. */
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

function invalidScope(description: string): OAuthError {
  return { error: "invalid_scope", description };
}
