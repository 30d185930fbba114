import { decodeProtectedHeader, errors, jwtVerify } from "jose";
import { clockTolerance, jwtAlgorithms } from "./late.ts";
import type { Clock } from "../rules/clock.ts";
import type { UrlOptions } from "../rules/https-url.ts";
import type { JwtVerdict, JwtVerifier } from "../use-cases/authenticate.ts";
import { fetchKeys, type Keys } from "./fetch-keys.ts";
import { IssuerKeys } from "../use-cases/issuer-keys.ts";
import { brokenRule } from "../rules/callers/jwt-rules.ts";
import { sha256Hex } from "../rules/fingerprint.ts";

/** Seconds for which the signature of a valid JWT is not verified again: a page sends the same JWT with each of its calls. */
const rememberFor = 60;
const maxRemembered = 1000;

type Verify = Parameters<JwtVerifier["verify"]>;

interface Remembered {
  verdict: JwtVerdict;
  at: number;
  /** At the latest the JWT's `exp`. */
  until: number;
}

/**
 * Verifies JWTs with the published keys of their issuer (RFC 7519): signature, issuer, `exp` (required), `nbf`, and the
 * rules of `jwt-rules.ts`. Does not check the audience or other claims; `claims.ts` does. Remembers a valid JWT for 60 s if
 * that accepts it: others of the issuer, which has JWTs for many audiences, would take its place.
 *
 * Only sends requests to the issuer that is passed to `verify`. Ignores the `jku`, `x5u` and `jwk` of a JWT.
 */
export function oidcVerifier(clock: Clock, options: UrlOptions): JwtVerifier {
  const issuerKeys = new IssuerKeys(clock, (issuer) => fetchKeys(issuer, options));
  /** Valid JWTs by their hash. Newer keys verify them again: the issuer may have withdrawn a key. */
  const verified = new WeakMap<Keys, Map<string, Remembered>>();

  async function verifyOnce(keys: Keys, ...[secret, issuer, isListed]: Verify): Promise<JwtVerdict> {
    const now = clock.now();
    const token = secret.reveal();
    const hash = sha256Hex(token);
    const known = verified.get(keys) ?? new Map<string, Remembered>();
    const last = known.get(hash);
    if (last && last.at <= now && now < last.until) return last.verdict;
    const verdict = await verifyWith(keys, token, issuer, now);
    if (verdict.kind !== "valid" || !isListed(verdict.claims)) return verdict;
    if (known.size >= maxRemembered) known.clear();
    verified.set(
      keys,
      known.set(hash, { verdict, at: now, until: Math.min(now + rememberFor, Number(verdict.claims["exp"])) }),
    );
    return verdict;
  }

  return {
    async verify(...request): Promise<JwtVerdict> {
      const [secret, issuer] = request;
      const found = await issuerKeys.current(issuer);
      if (found.kind === "unavailable") return { ...found, reason: "no keys" };
      const verdict = await verifyOnce(found.keys, ...request);
      if (verdict.kind !== "invalid" || verdict.reason !== unknownKey) return verdict;
      const other = await issuerKeys.otherThan(found.keys, issuer, keyIdOf(secret.reveal()));
      return other ? verifyOnce(other, ...request) : verdict;
    },
  };
}

/** jose's code for a JWT whose key is not in the key set. */
const unknownKey = new errors.JWKSNoMatchingKey().code;

async function verifyWith(keys: Keys, token: string, issuer: string, now: number): Promise<JwtVerdict> {
  try {
    const { payload, protectedHeader } = await jwtVerify(token, keys, {
      issuer,
      algorithms: [...jwtAlgorithms],
      clockTolerance,
      requiredClaims: ["exp"],
      currentDate: new Date(now * 1000),
    });
    const reason = brokenRule(protectedHeader, payload, now);
    return reason ? { kind: "invalid", reason } : { kind: "valid", claims: payload };
  } catch (error) {
    return { kind: "invalid", reason: error instanceof errors.JOSEError ? error.code : "unknown" };
  }
}

function keyIdOf(token: string): string | undefined {
  const { kid } = decodeProtectedHeader(token);
  return typeof kid === "string" ? kid : undefined;
}
