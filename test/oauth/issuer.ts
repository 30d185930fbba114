import { createServer, type RequestListener } from "node:http";
import { listen } from "../support/server.ts";
import { jwtOf, type SigningKey, signingKey } from "./jwt.ts";

export const discoveryPath = "/.well-known/openid-configuration";

/** An OpenID Connect issuer on a socket, which does what a test tells it to. */
export interface Issuer {
  url: string;
  /** Its first key. */
  key: SigningKey;
  /** What it publishes. */
  keys: SigningKey[];
  /** Paths that were asked for, in order. */
  requests: string[];
  /** Answers in its place, by path; every path where there is `*`. */
  instead: Map<string, RequestListener>;
  /** A JWT of this issuer: for `audience`, of `sub`, good for five minutes from `now` (an instant), unless told otherwise. */
  token(claims?: object, header?: object): string;
  close(): Promise<void>;
}

/** Starts one. */
export async function startIssuer(now: () => number = () => Date.now() / 1000): Promise<Issuer> {
  const key = signingKey("key-1");
  const requests: string[] = [];
  const instead: Issuer["instead"] = new Map();
  const server = createServer((request, response) => {
    const path = request.url ?? "";
    requests.push(path);
    const other = instead.get(path) ?? instead.get("*");
    if (other) return other(request, response);
    const document = documents()[path];
    response.writeHead(document ? 200 : 404, { "content-type": "application/json" });
    response.end(JSON.stringify(document ?? {}));
  });
  const { url, close } = await listen(server);
  const issuer: Issuer = {
    url,
    key,
    keys: [key],
    requests,
    instead,
    token: (claims = {}, header = {}) => jwtOf(key, { ...fakeClaims(url, now()), ...claims }, header),
    close,
  };
  const documents = (): Record<string, object> => ({
    [discoveryPath]: { issuer: url, jwks_uri: `${url}/keys` },
    "/keys": { keys: issuer.keys.map(({ jwk }) => jwk) },
  });
  return issuer;
}

export const audience = "fake-audience";
export const subject = "repo:acme/shop:ref:refs/heads/main";

/** The claims of a token that is as it should be. */
export function fakeClaims(iss: string, now: number) {
  const iat = Math.floor(now);
  return { iss, aud: audience, sub: subject, iat, exp: iat + 300 };
}
