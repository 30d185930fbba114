import { createLocalJWKSet, errors, type JSONWebKeySet, jwtVerify } from "jose";
import type { Clock } from "@smart-token-broker/auth-core/rules/clock.ts";
import { jwtAlgorithms } from "@smart-token-broker/auth-core/rules/jwt.ts";
import type { JwtVerdict, JwtVerifier } from "./authenticate.ts";

/** Seconds. */
const clockTolerance = 30;
/** Keys that are older are fetched again; where the issuer does not answer, they go on counting. */
const refreshAfter = 10 * 60;
/** Between two fetches from one issuer, whatever `kid` anyone sends. */
const coolDown = 30;

/** Milliseconds for an issuer's discovery document and keys together. */
const fetchTimeout = 5000;
const maxBodyBytes = 256 * 1024;

type Keys = ReturnType<typeof createLocalJWKSet>;

interface IssuerKeys {
  keys?: Keys;
  fetchedAt: number;
  triedAt: number;
  /** A fetch that is under way: whoever comes meanwhile awaits it too. */
  fetching?: Promise<void> | undefined;
}

/**
 * Verifies JWTs by their issuer's published keys (OpenID Connect Discovery, RFC 7517, RFC 7519): signature, issuer, a
 * required expiry, not-before. Does not look at the audience or any other claim: the list of callers does.
 *
 * Only ever asks issuers that the caller of `verify` names; a token's own `jku`, `x5u` or `jwk` is not followed.
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
      // An outage of the issuer is survived with the keys that are known.
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
      // A key that is not known may be new.
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

/** The issuer's keys, by its discovery document. Throws for whatever is not as it should be. */
async function fetchKeys(issuer: string): Promise<Keys> {
  // One deadline for both answers.
  const signal = AbortSignal.timeout(fetchTimeout);
  const discovery = await fetchJson(`${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`, signal);
  if (discovery["issuer"] !== issuer) throw new Error("the discovery document is another issuer's");
  const { jwks_uri: jwksUri } = discovery;
  if (typeof jwksUri !== "string") throw new Error("the discovery document names no keys");
  // An issuer that is https says where its keys are over https, or it is not believed.
  if (new URL(issuer).protocol === "https:" && new URL(jwksUri).protocol !== "https:")
    throw new Error("keys without TLS");
  const jwks = await fetchJson(jwksUri, signal);
  // Throws for what is no key set: nonsense never takes the place of keys that are known.
  return createLocalJWKSet(jwks as unknown as JSONWebKeySet);
}

async function fetchJson(url: string, signal: AbortSignal): Promise<Record<string, unknown>> {
  const response = await fetch(url, { signal, redirect: "error", headers: { accept: "application/json" } });
  if (!response.ok || !response.body) throw new Error(`HTTP status ${response.status}`);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body) {
    size += chunk.length;
    if (size > maxBodyBytes) throw new Error("too large");
    chunks.push(chunk);
  }
  const json: unknown = JSON.parse(Buffer.concat(chunks).toString("utf8"));
  if (typeof json !== "object" || json === null) throw new Error("no JSON object");
  return json as Record<string, unknown>;
}
