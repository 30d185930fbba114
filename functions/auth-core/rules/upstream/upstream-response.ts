import { isScope, readJwtClaims } from "../jwt.ts";
import { documentedLifetime, maxAcceptedLifetime } from "../tokens/lifetimes.ts";
import { Secret } from "../secret.ts";

/** A response of Smart Services, as it arrived. */
export interface UpstreamResponse {
  status: number;
  /** Instant at which the request was sent. Lifetimes start here. */
  sentAt: number;
  /** Instant at which the response was complete. */
  receivedAt: number;
  date?: string | undefined;
  retryAfter?: string | undefined;
  body: string;
}

/** The result of one upstream call. An adapter never throws for what upstream does. */
export type UpstreamResult =
  | { kind: "tokens"; tokens: UpstreamTokens }
  /** Upstream does not accept the credential. */
  | { kind: "rejected"; status: number }
  /** Slow, failing or overloaded: the same call may succeed later. `retryAfter` in seconds. */
  | { kind: "temporary"; reason: string; retryAfter?: number; rateLimited: boolean }
  /** An unrecognised response. `shape` has keys and types, never values. */
  | { kind: "malformed"; shape: string };

export interface UpstreamTokens {
  accessToken: Secret;
  sentAt: number;
  /** Seconds from `sentAt`; more than 0, at most 7 days. */
  lifetime: number;
  refreshToken?: Secret;
  /** Seconds from `sentAt`. */
  refreshLifetime?: number;
  /** From the response or the token; absent if neither has one. */
  scope?: string;
}

/** Maximum bytes of a response. No token response is nearly as large. */
export const maxBodyBytes = 64 * 1024;

const maxRetryAfter = 15 * 60;

/** Seconds (10 years). Keeps the end within what the table can store. */
const maxRefreshLifetime = 10 * 365 * 24 * 3600;

/**
 * Parses a response of either token endpoint.
 *
 * The vendor documents no status codes. 2xx is parsed. 3xx is malformed and never followed, because a redirect would send
 * the key elsewhere. 408, 425, 429 and 5xx are temporary. Any other 4xx rejects the credential.
 */
export function parseTokenResponse(response: UpstreamResponse, maxLifetime?: number): UpstreamResult {
  const { status } = response;
  if (status === 408 || status === 425 || status === 429 || status >= 500) {
    const retryAfter = parseRetryAfter(response.retryAfter, upstreamNow(response));
    return {
      kind: "temporary",
      reason: `HTTP ${status}`,
      rateLimited: status === 429,
      ...(retryAfter !== undefined && { retryAfter }),
    };
  }
  if (status >= 400) return { kind: "rejected", status };
  if (status < 200 || status >= 300) return { kind: "malformed", shape: `HTTP ${status}` };

  const parsed = readTokens(response.body);
  if (parsed.kind === "malformed") return parsed;
  const lifetime = lifetimeOf(parsed, response, maxLifetime);
  if (lifetime <= 0 || lifetime > maxAcceptedLifetime) {
    return { kind: "malformed", shape: `a token with a lifetime of ${Math.round(lifetime)} s` };
  }
  const scope = parsed.scope ?? readJwtClaims(parsed.accessToken)?.scope;
  return {
    kind: "tokens",
    tokens: {
      accessToken: new Secret(parsed.accessToken),
      sentAt: response.sentAt,
      lifetime,
      ...(parsed.refreshToken !== undefined && { refreshToken: new Secret(parsed.refreshToken) }),
      ...(parsed.refreshExpiresIn !== undefined && { refreshLifetime: parsed.refreshExpiresIn }),
      ...(scope !== undefined && { scope }),
    },
  };
}

interface ParsedTokens {
  kind: "tokens";
  accessToken: string;
  refreshToken?: string;
  expiresIn?: number;
  refreshExpiresIn?: number;
  scope?: string;
}

const accessTokenNames = ["access_token", "accessToken", "token", "id_token"];
const envelopeNames = ["data", "result", "response"];

/** Accepts, in this order: a bare JWT, a JSON string, an object, an object inside an envelope. */
function readTokens(body: string): ParsedTokens | { kind: "malformed"; shape: string } {
  // Removes a byte-order mark, too.
  const text = body.trim();
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    const bare = readToken(text);
    return bare !== undefined && isJwt(bare)
      ? { kind: "tokens", accessToken: bare }
      : { kind: "malformed", shape: describeText(text) };
  }
  if (typeof json === "string") {
    const token = readToken(json);
    return token === undefined
      ? { kind: "malformed", shape: "a JSON string that is not a token" }
      : { kind: "tokens", accessToken: token };
  }
  for (const fields of [json, ...envelopeNames.map((name) => (isObject(json) ? json[name] : undefined))]) {
    const tokens = isObject(fields) ? readFields(fields) : undefined;
    if (tokens) return tokens;
  }
  return { kind: "malformed", shape: describeShape(json) };
}

/** Three base64url parts with claims in the second. JSON that ends within a token does not match: it has a quote. */
function isJwt(text: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]*$/.test(text) && readJwtClaims(text) !== undefined;
}

function readFields(fields: Record<string, unknown>): ParsedTokens | undefined {
  const accessToken = accessTokenNames.map((name) => readToken(fields[name])).find((token) => token !== undefined);
  if (accessToken === undefined) return undefined;
  const refreshToken = readToken(fields["refresh_token"]) ?? readToken(fields["refreshToken"]);
  const expiresIn = readSeconds(fields["expires_in"]) ?? readSeconds(fields["expiresIn"]);
  const refreshExpiresIn = readSeconds(fields["refresh_expires_in"]) ?? readSeconds(fields["refreshExpiresIn"]);
  const { scope } = fields;
  return {
    kind: "tokens",
    accessToken,
    ...(refreshToken !== undefined && { refreshToken }),
    ...(expiresIn !== undefined && { expiresIn }),
    ...(refreshExpiresIn !== undefined &&
      refreshExpiresIn > 0 && { refreshExpiresIn: Math.min(refreshExpiresIn, maxRefreshLifetime) }),
    ...(isScope(scope) && { scope }),
  };
}

/** A token is visible ASCII: nothing else fits into an Authorization header (RFC 6750 §2.1). */
function readToken(value: unknown): string | undefined {
  if (typeof value !== "string") return undefined;
  const token = value.trim().replace(/^Bearer( +|$)/i, "");
  return /^[\x21-\x7e]+$/.test(token) ? token : undefined;
}

function readSeconds(value: unknown): number | undefined {
  if (typeof value === "number" && Number.isFinite(value)) return value;
  return typeof value === "string" && /^-?\d{1,15}$/.test(value.trim()) ? Number(value) : undefined;
}

/**
 * The lifetime in seconds from the sending of the request: the smallest of all that are known. The `exp` of a JWT is
 * compared with its `iat` and with the response's Date, so that neither a wrong clock nor a token that was already old
 * makes the lifetime too long.
 */
function lifetimeOf(parsed: ParsedTokens, response: UpstreamResponse, maxLifetime: number | undefined): number {
  const known: number[] = [];
  const claims = readJwtClaims(parsed.accessToken);
  if (claims?.exp !== undefined) {
    if (claims.iat !== undefined) known.push(claims.exp - claims.iat);
    known.push(claims.exp - upstreamNow(response));
  }
  if (parsed.expiresIn !== undefined) known.push(parsed.expiresIn);
  const claimed = known.length > 0 ? Math.min(...known) : documentedLifetime;
  return Math.min(claimed, maxLifetime ?? Number.POSITIVE_INFINITY);
}

/** The instant of the response by upstream's clock; by ours without a Date header. */
function upstreamNow(response: UpstreamResponse): number {
  const date = Date.parse(response.date ?? "") / 1000;
  return Number.isNaN(date) ? response.receivedAt : date;
}

/** Retry-After in seconds or as an HTTP-date (RFC 9110 §10.2.3), at most 15 minutes. */
export function parseRetryAfter(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  const seconds = /^\d+$/.test(text) ? Number(text) : Date.parse(text) / 1000 - now;
  return Number.isNaN(seconds) ? undefined : Math.min(Math.max(0, seconds), maxRetryAfter);
}

/** Keys and types of a JSON value, at most two levels and 12 keys: enough to extend the parser, never a value. */
export function describeShape(value: unknown, depth = 2): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return `array(${value.length})`;
  if (!isObject(value)) return typeof value;
  const names = Object.keys(value);
  const shown = names.slice(0, 12).map((name) => {
    // A key that is not a plain word may be data, for example a token or an API key.
    const safeName = /^[A-Za-z_]{1,24}$/.test(name) ? name : "?";
    return depth > 1 ? `${safeName}: ${describeShape(value[name], depth - 1)}` : safeName;
  });
  return `{${shown.join(", ")}${names.length > shown.length ? ", …" : ""}}`;
}

function describeText(text: string): string {
  if (text === "") return "an empty body";
  const format = text.startsWith("<") ? "markup" : text.startsWith("{") ? "incomplete JSON" : "text";
  return `${format} of ${text.length} characters`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
