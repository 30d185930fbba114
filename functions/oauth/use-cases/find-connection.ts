import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { catchUnavailable, secretsUnavailable, tableUnavailable } from "@smart-token-broker/auth-core/rules/failure.ts";
import { sha256Hex } from "@smart-token-broker/auth-core/rules/fingerprint.ts";
import { maxNameLength } from "@smart-token-broker/auth-core/rules/name-length.ts";
import { hasNames } from "@smart-token-broker/auth-core/rules/tokens/token-set.ts";
import type { Ports } from "@smart-token-broker/auth-core/use-cases/ports.ts";
import { readRegistration } from "@smart-token-broker/auth-core/use-cases/read-registration.ts";
import { type OAuthError, oauthError, toOAuthError } from "../rules/oauth-error.ts";

/** The stored token sets by the vendor's names. Throws `UnavailableError` if the table does not answer. */
export interface NameIndex {
  /** The connections whose token set was issued for a registered scope and, if given, a username. */
  find(scope: string, username?: string): Promise<ConnectionId[]>;
}

export interface FinderPorts extends Pick<Ports, "registrations" | "clock" | "notice"> {
  names: NameIndex;
}

/** How a request names a connection. */
export interface RequestedNames {
  /** An id or the vendor's scope. */
  scope?: string | undefined;
  username?: string | undefined;
}

type Found = { kind: "found"; connection: ConnectionId };

/** Reads that one request may cause: one query of the index, and secrets. */
const maxReads = 10;

/** Requests whose outcome memory keeps. */
const maxRemembered = 10_000;

/** Seconds for which memory keeps a found connection, and the outcome that there is none. */
const foundLifetime = 300;
const missLifetime = 30;

/**
 * Finds the connection that a caller names, by id or by the vendor's username and scope.
 *
 * An id needs no read. Names are in the index of the stored token sets. A connection that never had a token is not in the
 * index: then the finder reads the registrations of the likeliest connections, within its limit of reads.
 *
 * A found connection may have been registered with other names since: compare the names of its token.
 */
export class ConnectionFinder {
  readonly #ports: FinderPorts;
  readonly #outcomes = new Map<string, { outcome: Found | OAuthError; until: number }>();

  constructor(ports: FinderPorts) {
    this.#ports = ports;
  }

  /** Finds one of the connections in `allowed`. Without a scope, `allowed` must have only one. */
  async find(allowed: ReadonlySet<ConnectionId>, { scope, username }: RequestedNames): Promise<Found | OAuthError> {
    if (scope === undefined) {
      const [only, ...others] = allowed;
      if (only !== undefined && others.length === 0) return { kind: "found", connection: only };
      return invalidScope("This caller has no connection, or more than one. Send the id of one connection in scope.");
    }
    // A connection id is a string with a brand.
    const id = scope as ConnectionId;
    if (allowed.has(id)) return { kind: "found", connection: id };
    // DynamoDB rejects a longer key, and no registration has such a name.
    if (!isName(scope) || !isName(username ?? "")) return noSuchConnection(username);

    const key = keyOf(allowed, { scope, username });
    const startedAt = this.#ports.clock.now();
    const remembered = this.#outcomes.get(key);
    if (remembered && remembered.until > startedAt) return remembered.outcome;
    const outcome = await this.#search(allowed, scope, username);
    if (outcome.kind === "found" || !outcome.failure) {
      this.#remember(key, outcome, startedAt);
      return outcome;
    }
    // During an outage, callers get valid tokens of any age. The names of the token are compared.
    return remembered?.outcome.kind === "found" ? remembered.outcome : outcome;
  }

  /** Forgets the requests that found a connection. */
  forget(connection: ConnectionId): void {
    for (const [key, { outcome }] of this.#outcomes) {
      if (outcome.kind === "found" && outcome.connection === connection) this.#outcomes.delete(key);
    }
  }

  /** Forgets the requests that found nothing. */
  forgetMisses(): void {
    for (const [key, { outcome }] of this.#outcomes) if (outcome.kind !== "found") this.#outcomes.delete(key);
  }

  async #search(
    allowed: ReadonlySet<ConnectionId>,
    scope: string,
    username: string | undefined,
  ): Promise<Found | OAuthError> {
    const indexed = await catchUnavailable(
      () => this.#ports.names.find(scope, username),
      () => undefined,
    );
    // Without the index, a second connection with these names would not be found.
    if (!indexed) return toOAuthError(tableUnavailable);
    const inUse = indexed.filter((connection) => allowed.has(connection));
    if (inUse.length > 0) return theOnly(inUse, username);

    const candidates = likeliestFirst(allowed, username).slice(0, maxReads - 1);
    const read = await Promise.all(
      candidates.map(async (connection) => {
        const reading = await readRegistration(this.#ports, connection);
        const isMatch = reading.kind === "registered" && hasNames(reading.registration, { scope, username });
        return { connection, isMatch, isUnavailable: reading.kind === "unavailable" };
      }),
    );
    const matches = read.filter(({ isMatch }) => isMatch).map(({ connection }) => connection);
    if (matches.length > 0) return theOnly(matches, username);
    if (read.some(({ isUnavailable }) => isUnavailable)) return toOAuthError(secretsUnavailable);
    return noSuchConnection(username);
  }

  #remember(key: string, outcome: Found | OAuthError, startedAt: number): void {
    const lifetime = outcome.kind === "found" ? foundLifetime : missLifetime;
    this.#outcomes.delete(key);
    this.#outcomes.set(key, { outcome, until: startedAt + lifetime });
    if (this.#outcomes.size <= maxRemembered) return;
    const [oldest] = this.#outcomes.keys();
    if (oldest !== undefined) this.#outcomes.delete(oldest);
  }
}

/** The key of an outcome. It contains the caller's connections, because another caller may find what this one cannot. */
function keyOf(allowed: ReadonlySet<ConnectionId>, { scope, username }: RequestedNames): string {
  return sha256Hex(JSON.stringify([scope ?? null, username ?? null, ...allowed]));
}

function isName(text: string): boolean {
  return text.length <= maxNameLength && text.isWellFormed();
}

function theOnly([connection, second]: ConnectionId[], username: string | undefined): Found | OAuthError {
  return connection === undefined || second !== undefined ? ambiguous(username) : { kind: "found", connection };
}

/** The connection that the vendor's form of usernames suggests (`admin_ID`), then the others in the order of the list. */
function likeliestFirst(allowed: ReadonlySet<ConnectionId>, username: string | undefined): ConnectionId[] {
  const suggested = username?.replace(/^admin_/, "").toLowerCase();
  const all = [...allowed];
  return [...all.filter((id) => id === suggested), ...all.filter((id) => id !== suggested)];
}

const invalidScope = (description: string) => oauthError("invalid_scope", description);

/** The names that the request sent, for a text: only the vendor's form has a username. */
const namesSent = (username: string | undefined) => (username === undefined ? "scope" : "username and scope");

export function noSuchConnection(username: string | undefined): OAuthError {
  const names = namesSent(username);
  return invalidScope(
    `No connection of this caller was found by this ${names}. Send the registered ${names}. ` +
      "If the connection never had a token, send its id in scope once.",
  );
}

const ambiguous = (username: string | undefined) =>
  invalidScope(
    `More than one connection of this caller has this ${namesSent(username)}. Send the id of one connection in scope.`,
  );
