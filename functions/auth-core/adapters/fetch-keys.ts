import { createLocalJWKSet, type JSONWebKeySet } from "jose";
import { readBody } from "./read-body.ts";
import { brokenUrlRule, isLoopback, maxUrlLength, type UrlOptions } from "../rules/https-url.ts";
import { isPrivateHost } from "../rules/callers/private-host.ts";

/** Finds the key of a JWT by its header; jose throws if there is none. */
export type Keys = ReturnType<typeof createLocalJWKSet>;

/** Milliseconds for the discovery document and the keys together. */
const fetchTimeout = 5000;
const maxBodyBytes = 256 * 1024;

/**
 * Fetches the issuer's keys by its discovery document (OpenID Connect Discovery, RFC 7517). Throws if either is not valid.
 * An empty key set is valid: the issuer has withdrawn all its keys.
 */
export async function fetchKeys(issuer: string, options: UrlOptions): Promise<Keys> {
  // One deadline for both responses.
  const signal = AbortSignal.timeout(fetchTimeout);
  const discovery = await fetchJson(`${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`, signal);
  const jwks = await fetchJson(jwksUriOf(issuer, discovery, options), signal);
  return createLocalJWKSet(jwks as unknown as JSONWebKeySet);
}

/**
 * Where an issuer publishes its keys, by its discovery document. Throws if the document is not the issuer's, or if the
 * broker must not fetch them there: without https, or at `localhost` or a literal address that is not public. In the
 * local run, a private address is allowed, and an issuer on loopback has its keys there too.
 */
export function jwksUriOf(issuer: string, discovery: Record<string, unknown>, options: UrlOptions): string {
  if (discovery["issuer"] !== issuer) throw new Error("the discovery document names another issuer");
  const { jwks_uri: jwksUri } = discovery;
  if (typeof jwksUri !== "string" || jwksUri.length > maxUrlLength || !URL.canParse(jwksUri)) {
    throw new Error("the discovery document has no jwks_uri");
  }
  const [isIssuerHttps, isHttps] = [issuer, jwksUri].map((url) => new URL(url).protocol === "https:");
  // Unlike an issuer, a jwks_uri may have a query.
  const rule = brokenUrlRule(new URL(jwksUri).origin, options);
  if (rule || (isIssuerHttps && !isHttps)) throw new Error("jwks_uri is not https");
  const isElsewhere = options.allowLoopbackHttp ? isLoopback(issuer) && !isLoopback(jwksUri) : isPrivateHost(jwksUri);
  if (isElsewhere) throw new Error("jwks_uri has a host that this issuer's keys must not be at");
  return jwksUri;
}

async function fetchJson(url: string, signal: AbortSignal): Promise<Record<string, unknown>> {
  const response = await fetch(url, { signal, redirect: "error", headers: { accept: "application/json" } });
  if (!response.ok || !response.body) throw new Error(`HTTP ${response.status}`);
  const bytes = await readBody(response.body, maxBodyBytes);
  const json: unknown = JSON.parse(bytes.toString("utf8"));
  if (typeof json !== "object" || json === null) throw new Error("the response is not a JSON object");
  return json as Record<string, unknown>;
}
