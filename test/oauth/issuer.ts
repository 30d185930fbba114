import { createServer, type RequestListener } from "node:http";
import { listen } from "../../fixtures/listen.ts";
import { jwtOf, type SigningKey, signingKey } from "./jwt.ts";

export const discoveryPath = "/.well-known/openid-configuration";

/** An OpenID Connect issuer on a socket, controlled by a test. */
export interface Issuer {
  url: string;
  /** Its first key. */
  key: SigningKey;
  /** The keys that it publishes. */
  keys: SigningKey[];
  /** The paths of all requests, in order. */
  requests: string[];
  /** Replaces its responses, by path; `*` is every path. */
  instead: Map<string, RequestListener>;
  /** A JWT for `audience` and `subject`, valid for five minutes; `claims` and `header` replace parts of it. */
  token(claims?: object, header?: object): string;
  close(): Promise<void>;
}

/** Starts one. `now` is the clock of its JWTs. */
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

/** The claims of a valid JWT. */
export function fakeClaims(iss: string, now: number) {
  const iat = Math.floor(now);
  return { iss, aud: audience, sub: subject, iat, exp: iat + 300 };
}
