import { createLocalJWKSet, errors, type JSONWebKeySet, jwtVerify } from "jose";
import { readBody } from "@smart-token-broker/auth-core/adapters/read-body.ts";
import type { Clock } from "@smart-token-broker/auth-core/rules/clock.ts";
import { jwtAlgorithms } from "@smart-token-broker/auth-core/rules/jwt.ts";
import type { JwtVerdict, JwtVerifier } from "./authenticate.ts";

/** Seconds by which the clocks of the broker and the issuer may differ. */
const clockTolerance = 30;
/** Seconds after which keys are fetched again. If the issuer does not answer then, the old keys stay in use. */
const refreshAfter = 10 * 60;
/** Minimum seconds between two fetches from one issuer, whatever key ids (`kid`) JWTs have. */
const coolDown = 30;

/** Milliseconds for the discovery document and the keys together. */
const fetchTimeout = 5000;
const maxBodyBytes = 256 * 1024;

type Keys = ReturnType<typeof createLocalJWKSet>;

interface IssuerKeys {
  keys?: Keys;
  fetchedAt: number;
  triedAt: number;
  /** The fetch in progress. Concurrent requests await it too. */
  fetching?: Promise<void> | undefined;
}

/**
 * Verifies JWTs with the published keys of their issuer (OpenID Connect Discovery, RFC 7517, RFC 7519): signature,
 * issuer, `exp` (required), `nbf`. Does not check the audience or other claims; `matchesClaims` does.
 *
 * Only sends requests to the issuer that is passed to `verify`. Ignores the `jku`, `x5u` and `jwk` of a JWT.
 */
export function oidcVerifier(clock: Pick<Clock, "now">): JwtVerifier {
  const issuers = new Map<string, IssuerKeys>();

  async function keysOf(issuer: string, isNeeded: (known: IssuerKeys) => boolean): Promise<Keys | undefined> {
    const now = clock.now();
    const known = issuers.get(issuer) ?? { fetchedAt: 0, triedAt: 0 };
    issuers.set(issuer, known);
    if (isNeeded(known) && known.triedAt <= now - coolDown) {
      known.triedAt = now;
      known.fetching = refetch(known, issuer, now);
    }
    if (isNeeded(known)) await known.fetching;
    return known.keys;
  }

  async function refetch(known: IssuerKeys, issuer: string, now: number): Promise<void> {
    try {
      known.keys = await fetchKeys(issuer);
      known.fetchedAt = now;
    } catch {
      // During an outage of the issuer, the known keys stay in use.
    }
    known.fetching = undefined;
  }

  return {
    async verify(token, issuer): Promise<JwtVerdict> {
      const keys = await keysOf(issuer, ({ fetchedAt }) => fetchedAt <= clock.now() - refreshAfter);
      if (!keys) {
        const { triedAt = 0 } = issuers.get(issuer) ?? {};
        return { kind: "unavailable", reason: "no keys", retryAfter: Math.max(1, triedAt + coolDown - clock.now()) };
      }
      const first = await verifyWith(keys, token.reveal(), issuer, clock.now());
      if (first.kind !== "invalid" || first.reason !== "ERR_JWKS_NO_MATCHING_KEY") return first;
      // An unknown key may be a new one.
      const fresh = await keysOf(issuer, () => true);
      return fresh === undefined || fresh === keys ? first : verifyWith(fresh, token.reveal(), issuer, clock.now());
    },
  };
}

async function verifyWith(keys: Keys, token: string, issuer: string, now: number): Promise<JwtVerdict> {
  try {
    const options = {
      issuer,
      algorithms: [...jwtAlgorithms],
      clockTolerance,
      requiredClaims: ["exp"],
      currentDate: new Date(now * 1000),
    };
    const { payload } = await jwtVerify(token, keys, options);
    return { kind: "valid", claims: payload };
  } catch (error) {
    return { kind: "invalid", reason: error instanceof errors.JOSEError ? error.code : "unknown" };
  }
}

/** Fetches the issuer's keys by its discovery document. Throws if either is not valid. */
async function fetchKeys(issuer: string): Promise<Keys> {
  // One deadline for both responses.
  const signal = AbortSignal.timeout(fetchTimeout);
  const discovery = await fetchJson(`${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`, signal);
  if (discovery["issuer"] !== issuer) throw new Error("the discovery document names another issuer");
  const { jwks_uri: jwksUri } = discovery;
  if (typeof jwksUri !== "string") throw new Error("the discovery document has no jwks_uri");
  // An https issuer must publish its keys over https.
  if (new URL(issuer).protocol === "https:" && new URL(jwksUri).protocol !== "https:")
    throw new Error("jwks_uri is not https");
  const jwks = await fetchJson(jwksUri, signal);
  // Throws if this is not a key set, so that an invalid response never replaces known keys.
  return createLocalJWKSet(jwks as unknown as JSONWebKeySet);
}

async function fetchJson(url: string, signal: AbortSignal): Promise<Record<string, unknown>> {
  const response = await fetch(url, { signal, redirect: "error", headers: { accept: "application/json" } });
  if (!response.ok || !response.body) throw new Error(`HTTP ${response.status}`);
  const bytes = await readBody(response.body, maxBodyBytes);
  const json: unknown = JSON.parse(bytes.toString("utf8"));
  if (typeof json !== "object" || json === null) throw new Error("the response is not a JSON object");
  return json as Record<string, unknown>;
}
