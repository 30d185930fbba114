/** An access token of a connection. `util.inspect` and `JSON.stringify` do not show the token itself. */
export class AccessToken {
  readonly #accessToken: string;
  declare readonly connection: string;
  /** The vendor's scope, which is part of most paths of the business API. */
  declare readonly scope: string | undefined;
  /** The scope in the connection's registration, if the broker says that it differs from `scope`. */
  declare readonly registeredScope: string | undefined;
  /** Base URL of the business API, if it is registered. */
  declare readonly apiBaseUrl: string | undefined;
  /** When the token expires, by the clock of this machine when the request was sent. */
  declare readonly expiresAt: Date;

  constructor(accessToken: string, fields: Omit<AccessToken, "accessToken">) {
    this.#accessToken = accessToken;
    Object.assign(this, fields);
  }

  /** Send it as `Authorization: Bearer`. */
  get accessToken(): string {
    return this.#accessToken;
  }
}

/** A token in the client's memory. Instants are those of the client's elapsed clock. */
export interface HeldToken {
  token: AccessToken;
  /** From this instant on, the client requests another one from the broker, and still uses this one. */
  refreshAt: number;
  /** Until this instant, the client uses it. */
  usableUntil: number;
  /** When it expires. A call that waited for it gets it until then. */
  endsAt: number;
  /** From this instant on, pauses in an outage are short: soon calls have no token. */
  lastTryAt: number;
}

/** Longest lifetime that is one, in seconds: 7 days. The broker has the same rule. */
const longestLifetime = 604_800;

/** Seconds before the last use of a token in which an outage's pause ends: a random part of it, because clients share the instant. */
const lastTry = 10;

/** Seconds before its end from which a token is not used: a request needs some to arrive. The broker has the same rule. */
const end = 5;

/**
 * Reads a token response (RFC 6749 §5.1). `undefined` if it is not one.
 *
 * @param sentAt the instant at which the request was sent: the lifetime counts from there
 * @param of.margin seconds before the expiry, at most three quarters of the lifetime; up to a tenth more is random, so that
 *   processes that started together do not refresh together
 */
export function readToken(
  body: Record<string, unknown>,
  of: { connection: string; sentAt: number; wallAtSent: number; margin: number; random: number },
): HeldToken | undefined {
  const { access_token: text, token_type: type, expires_in: seconds, scope, api_base_url: url } = body;
  const { registered_scope: registered } = body;
  // Only these characters can be sent in a header (RFC 6750 §2.1, and room for others).
  if (typeof text !== "string" || !/^[\x21-\x7e]+$/.test(text)) return undefined;
  if (typeof type !== "string" || type.toLowerCase() !== "bearer") return undefined;
  if (typeof seconds !== "number" || !(seconds > 0 && seconds <= longestLifetime)) return undefined;
  if (url !== undefined && !isHttpUrl(url)) return undefined;
  const margin = Math.min(of.margin, 0.75 * seconds) * (1 + of.random / 10);
  const token = new AccessToken(text, {
    connection: of.connection,
    scope: typeof scope === "string" ? scope : undefined,
    registeredScope: typeof registered === "string" ? registered : undefined,
    apiBaseUrl: url,
    expiresAt: new Date((of.wallAtSent + seconds) * 1000),
  });
  const endsAt = of.sentAt + seconds;
  const usableUntil = endsAt - end;
  const refreshAt = Math.min(endsAt - margin, usableUntil);
  return { token, refreshAt, usableUntil, endsAt, lastTryAt: usableUntil - lastTry * of.random };
}

/** Whether a value is the URL of an HTTP API. Without TLS only on this machine. */
export function isHttpUrl(value: unknown): value is string {
  if (typeof value !== "string" || !URL.canParse(value)) return false;
  const { protocol, hostname, username, password } = new URL(value);
  if (username || password) return false;
  return protocol === "https:" || (protocol === "http:" && /^(localhost|127\.0\.0\.1|\[::1\])$/.test(hostname));
}
