import { readJwtClaims } from "./jwt.ts";
import { maxAcceptedLifetime } from "./registration.ts";
import { Secret } from "./secret.ts";

/** What came back from Smart Services, as it arrived. */
export interface UpstreamResponse {
  status: number;
  /** Instant at which the request was sent: every lifetime is counted from here. */
  sentAt: number;
  /** Instant at which the response was complete. */
  receivedAt: number;
  date?: string | undefined;
  retryAfter?: string | undefined;
  body: string;
}

/** The judgement of one upstream call. Closed, and complete: an adapter never throws for what upstream did. */
export type UpstreamResult =
  | { kind: "tokens"; tokens: UpstreamTokens }
  /** The credential that was presented is not accepted. */
  | { kind: "rejected"; status: number }
  /** Slow, broken, overloaded: the same call may work later. `retryAfter` in seconds. */
  | { kind: "temporary"; reason: string; retryAfter?: number; rateLimited: boolean }
  /** An answer in a shape that nobody knows. `shape` has keys and types, never values. */
  | { kind: "malformed"; shape: string };

export interface UpstreamTokens {
  accessToken: Secret;
  sentAt: number;
  /** Seconds, counted from `sentAt`; more than 0, at most 7 days. */
  lifetime: number;
  refreshToken?: Secret;
  /** Seconds, counted from `sentAt`. */
  refreshLifetime?: number;
  /** As upstream or the token itself says it; absent where neither does. */
  scope?: string;
}

/** What the vendor's page promises, in seconds: the last resort where an answer says nothing. */
const documentedLifetime = 3600;
export const documentedRefreshLifetime = 30 * 24 * 3600;

/** A larger answer is not read to its end: no token response comes near it. */
export const maxBodyBytes = 64 * 1024;

const maxRetryAfter = 15 * 60;

/** Seconds, 10 years: a bound only so that the end is a number that the table can hold. */
const maxRefreshLifetime = 10 * 365 * 24 * 3600;

/**
 * Judges a response of either token endpoint. Pure.
 *
 * Status codes (none is documented by the vendor): 2xx is read, 3xx is malformed and never followed, since a redirect
 * would carry the key elsewhere; 408, 425, 429 and 5xx are passing; any other 4xx refuses the credential.
 */
export function parseTokenResponse(response: UpstreamResponse, maxLifetime?: number): UpstreamResult {
  const { status } = response;
  if (status === 408 || status === 425 || status === 429 || status >= 500) {
    const retryAfter = parseRetryAfter(response.retryAfter, upstreamNow(response));
    return {
      kind: "temporary",
      reason: `HTTP status ${status}`,
      rateLimited: status === 429,
      ...(retryAfter !== undefined && { retryAfter }),
    };
  }
  if (status >= 400) return { kind: "rejected", status };
  if (status < 200 || status >= 300) return { kind: "malformed", shape: `HTTP status ${status}` };

  const read = readTokens(response.body);
  if ("shape" in read) return { kind: "malformed", shape: read.shape };
  const lifetime = lifetimeOf(read, response, maxLifetime);
  if (lifetime <= 0 || lifetime > maxAcceptedLifetime) {
    return { kind: "malformed", shape: `a token whose lifetime is ${Math.round(lifetime)} s` };
  }
  const scope = read.scope ?? readJwtClaims(read.accessToken)?.scope;
  return {
    kind: "tokens",
    tokens: {
      accessToken: new Secret(read.accessToken),
      sentAt: response.sentAt,
      lifetime,
      ...(read.refreshToken !== undefined && { refreshToken: new Secret(read.refreshToken) }),
      ...(read.refreshExpiresIn !== undefined && { refreshLifetime: read.refreshExpiresIn }),
      ...(scope !== undefined && { scope }),
    },
  };
}

interface ReadTokens {
  accessToken: string;
  refreshToken?: string;
  expiresIn?: number;
  refreshExpiresIn?: number;
  scope?: string;
}

const accessTokenNames = ["access_token", "accessToken", "token", "id_token"];
const envelopeNames = ["data", "result", "response"];

/** The shapes that are accepted, in this order: an object, an object inside an envelope, a JSON string, a bare JWT. */
function readTokens(body: string): ReadTokens | { shape: string } {
  // A decoder of bytes has taken the byte-order mark already; a body that was a string may still have it.
  const text = body.replace(/^\uFEFF/, "").trim();
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    const bare = readToken(text);
    return bare !== undefined && isJwt(bare) ? { accessToken: bare } : { shape: describeText(text) };
  }
  if (typeof json === "string") {
    const token = readToken(json);
    return token === undefined ? { shape: "a JSON string that is no token" } : { accessToken: token };
  }
  for (const fields of [json, ...envelopeNames.map((name) => (isObject(json) ? json[name] : undefined))]) {
    const tokens = isObject(fields) ? readFields(fields) : undefined;
    if (tokens) return tokens;
  }
  return { shape: describeShape(json) };
}

/** Three base64url parts with claims in the middle: JSON that breaks off inside a token has a quote in its first. */
function isJwt(text: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]*$/.test(text) && readJwtClaims(text) !== undefined;
}

function readFields(fields: Record<string, unknown>): ReadTokens | undefined {
  const accessToken = accessTokenNames.map((name) => readToken(fields[name])).find((token) => token !== undefined);
  if (accessToken === undefined) return undefined;
  const refreshToken = readToken(fields["refresh_token"]) ?? readToken(fields["refreshToken"]);
  const expiresIn = readSeconds(fields["expires_in"]) ?? readSeconds(fields["expiresIn"]);
  const refreshExpiresIn = readSeconds(fields["refresh_expires_in"]) ?? readSeconds(fields["refreshExpiresIn"]);
  const { scope } = fields;
  return {
    accessToken,
    ...(refreshToken !== undefined && { refreshToken }),
    ...(expiresIn !== undefined && { expiresIn }),
    ...(refreshExpiresIn !== undefined &&
      refreshExpiresIn > 0 && { refreshExpiresIn: Math.min(refreshExpiresIn, maxRefreshLifetime) }),
    ...(typeof scope === "string" && scope !== "" && { scope }),
  };
}

/** A token is visible ASCII: whatever else is in it could not travel in an Authorization header (RFC 6750 §2.1). */
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
 * Seconds from the instant at which the request was sent: the smallest of all that is known. A JWT is measured against
 * its own `iat` and against the response's Date, so that neither clocks that disagree nor a token that was already old
 * when it was handed out can make it look younger than it is.
 */
function lifetimeOf(read: ReadTokens, response: UpstreamResponse, maxLifetime: number | undefined): number {
  const known: number[] = [];
  const claims = readJwtClaims(read.accessToken);
  if (claims?.exp !== undefined) {
    if (claims.iat !== undefined) known.push(claims.exp - claims.iat);
    known.push(claims.exp - upstreamNow(response));
  }
  if (read.expiresIn !== undefined) known.push(read.expiresIn);
  const claimed = known.length > 0 ? Math.min(...known) : documentedLifetime;
  return Math.min(claimed, maxLifetime ?? Number.POSITIVE_INFINITY);
}

/** The instant of the response by upstream's own clock; by ours where it does not tell. */
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

/** Keys and types of a JSON value, two levels deep and bounded: enough to teach the parser, never a value. */
export function describeShape(value: unknown, depth = 2): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return `array(${value.length})`;
  if (!isObject(value)) return typeof value;
  const names = Object.keys(value);
  const shown = names.slice(0, 12).map((name) => {
    // Where a key is no plain word it may be data: a map whose keys are tokens, say.
    const plain = /^[A-Za-z_][A-Za-z0-9_-]{0,31}$/.test(name) ? name : "?";
    return depth > 1 ? `${plain}: ${describeShape(value[name], depth - 1)}` : plain;
  });
  return `{${shown.join(", ")}${names.length > shown.length ? ", …" : ""}}`;
}

function describeText(text: string): string {
  if (text === "") return "an empty body";
  const looks = text.startsWith("<") ? "markup" : text.startsWith("{") ? "JSON that breaks off" : "text";
  return `${looks} of ${text.length} characters`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
