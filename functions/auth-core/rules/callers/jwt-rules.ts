import { clockTolerance } from "../jwt.ts";

/** `typ` of the header (RFC 7519 §5.1, RFC 9068 §2.1), in lower case and without `application/` (RFC 7515 §4.1.9). */
const acceptedTypes = new Set(["jwt", "at+jwt"]);

type BrokenRule = "typ" | "events" | "cnf" | "time" | "issued_in_the_future";

/**
 * The rule of the broker that a JWT with a valid signature breaks; `undefined` if none. Pure. Does not check signature,
 * issuer, `exp` and `nbf`: jose does (`jwt-verifier.ts`). Does not check the audience, the lifetime and the other claims:
 * each entry of the list has its own (`claims.ts`).
 *
 * @param now epoch seconds
 */
export function brokenRule(
  header: Record<string, unknown>,
  claims: Record<string, unknown>,
  now: number,
): BrokenRule | undefined {
  if (!isAcceptedType(header["typ"])) return "typ";
  // It reports an event, like a logout, and is no credential (RFC 8417). Issuers may give it the type JWT.
  if (Object.hasOwn(claims, "events")) return "events";
  // The token is bound to a key (RFC 7800), and the broker cannot check that the caller has it.
  if (Object.hasOwn(claims, "cnf")) return "cnf";
  const times = ["exp", "iat", "nbf"].map((name) => claims[name]).filter((time) => time !== undefined);
  // JSON has no Infinity, but its parser reads 1e999 as one.
  if (!times.every(Number.isFinite)) return "time";
  const { iat } = claims;
  return typeof iat === "number" && iat > now + clockTolerance ? "issued_in_the_future" : undefined;
}

/** Other types are tokens for another purpose, like `logout+jwt` or `dpop+jwt` (RFC 8725 §3.11). */
function isAcceptedType(typ: unknown): boolean {
  if (typ === undefined) return true;
  return typeof typ === "string" && acceptedTypes.has(typ.toLowerCase().replace(/^application\//, ""));
}
