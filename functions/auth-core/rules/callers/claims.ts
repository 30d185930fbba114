import type { OidcCaller } from "./oidc-caller.ts";
import { type ConnectionId, parseConnectionId } from "../connection-id.ts";
import { clockTolerance } from "../jwt.ts";

/** Whether a JWT's claims match an entry: its audience, and every claim that the entry lists. */
export function matchesClaims(caller: OidcCaller, claims: Record<string, unknown>): boolean {
  const { aud } = claims;
  if (aud !== caller.audience && !(Array.isArray(aud) && aud.includes(caller.audience))) return false;
  return Object.entries(caller.claims).every(([claim, required]) => {
    const value = claims[claim];
    if (typeof required === "boolean") return value === required;
    // Of an array, one member is enough. A subject is always one string (RFC 7519 §4.1.2).
    const texts: unknown[] = Array.isArray(value) && claim !== "sub" ? value : [value];
    return texts.some((text) => typeof text === "string" && matchesText(required, text));
  });
}

/**
 * Whether one JWT could match both entries. Only what no JWT can have at once excludes it: another issuer, two subjects, or
 * a claim as two booleans or as a boolean and a text. One JWT can have several audiences, and an array in other claims.
 */
export function couldBothMatch(one: OidcCaller, other: OidcCaller): boolean {
  if (one.issuer !== other.issuer) return false;
  return Object.entries(one.claims).every(([claim, first]) => {
    // A claim may have the name of a member that every object inherits.
    const second = Object.hasOwn(other.claims, claim) ? other.claims[claim] : undefined;
    if (second === undefined || first === second) return true;
    if (typeof first === "boolean" || typeof second === "boolean") return false;
    // If one is the beginning of the other, it matches that too, with its `*`.
    return claim !== "sub" || matchesText(first, second) || matchesText(second, first);
  });
}

function matchesText(required: string, text: string): boolean {
  return required.endsWith("*") ? text.startsWith(required.slice(0, -1)) : text === required;
}

/** The connections that a JWT may use by this entry. */
export function connectionsOf(caller: OidcCaller, claims: Record<string, unknown>): ConnectionId[] {
  if (caller.connectionsClaim === undefined) return caller.connections ?? [];
  const listed = claims[caller.connectionsClaim];
  const names: unknown[] = typeof listed === "string" ? listed.split(" ") : Array.isArray(listed) ? listed : [];
  const ids = names.map((name) => (typeof name === "string" ? parseConnectionId(name) : undefined));
  const known = ids.filter((id) => id !== undefined);
  // The entry's own list limits what the claim may name.
  return caller.connections ? known.filter((id) => caller.connections?.includes(id)) : known;
}

/**
 * Whether a JWT lives at most `maxLifetime` seconds: from `iat` to `exp`, or from now if it has no `iat`. The claims are
 * those of a JWT that breaks no rule.
 */
export function livesAtMost(maxLifetime: number, { exp, iat }: Record<string, unknown>, now: number): boolean {
  if (typeof exp !== "number") return false;
  return typeof iat === "number" ? exp - iat <= maxLifetime : exp - now <= maxLifetime + clockTolerance;
}
