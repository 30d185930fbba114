import { maxNameLength } from "./name-length.ts";

/**
 * The signature algorithms of trusted issuers (RFC 7518 §3.1, RFC 8037, RFC 9864). Only asymmetric ones: with a
 * symmetric algorithm, anyone who has the public key could sign. `none` is not allowed either.
 */
export const jwtAlgorithms = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
] as const;

/** Seconds by which the clocks of the broker and an issuer may differ. */
export const clockTolerance = 30;

/** The claims that the broker reads from an access token. All are optional, none is trusted. */
export interface JwtClaims {
  exp?: number;
  iat?: number;
  scope?: string;
}

/**
 * Reads the claims of a JWT **without verifying it**: the broker is not the token's audience and has no keys for it. It
 * uses the claims only for planning. `undefined` if the text is not a readable JWT (RFC 7519 §7.2).
 */
export function readJwtClaims(token: string): JwtClaims | undefined {
  const claims = readPayload(token);
  if (!claims) return undefined;
  const { exp, iat, scope } = claims;
  return {
    ...(typeof exp === "number" && Number.isFinite(exp) && { exp }),
    ...(typeof iat === "number" && Number.isFinite(iat) && { iat }),
    ...(isScope(scope) && { scope }),
  };
}

/** Whether a value is a scope as a registration may have it. The table, logs and terminals get no other. */
export function isScope(value: unknown): value is string {
  return typeof value === "string" && value.length <= maxNameLength && /^[^\p{Cc}\p{Cs}]+$/u.test(value);
}

/** The issuer that a JWT claims, **unverified**: use it only to choose the keys for the verification. */
export function readUnverifiedIssuer(token: string): string | undefined {
  const iss = readPayload(token)?.["iss"];
  return typeof iss === "string" ? iss : undefined;
}

function readPayload(token: string): Record<string, unknown> | undefined {
  const [, payload, ...rest] = token.split(".");
  if (payload === undefined || rest.length !== 1) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, "base64url").toString("utf8"));
    const isObject = typeof claims === "object" && claims !== null && !Array.isArray(claims);
    return isObject ? (claims as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
