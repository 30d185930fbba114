import { randomUUID } from "node:crypto";

const json64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** The form of an access token. `bad_jwt` has the three parts of a JWT, but its payload is not JSON. */
export type TokenForm = "jwt" | "opaque" | "bad_jwt";

/** As long as a signature of RS256. Nobody can verify one, because Smart Services publishes no key. */
const signature = Buffer.from("fake-signature--".repeat(16)).toString("base64url");

/** An access token, by default a JWT; instants in whole epoch seconds. */
export function fakeAccessToken(
  form: TokenForm,
  scope: string,
  username: string,
  issuedAt: number,
  expiresAt: number,
): string {
  const jti = randomUUID();
  if (form === "opaque") return `fake-access-${jti}`;
  const claims = { iss: "smart-services-simulator", sub: username, scope, iat: issuedAt, exp: expiresAt, jti };
  const payload = form === "jwt" ? json64(claims) : Buffer.from(`{not json ${jti}`).toString("base64url");
  return `${json64({ alg: "RS256", typ: "JWT" })}.${payload}.${signature}`;
}

/** An API key in the vendor's form (a JWT) that is visibly fake and has no real signature. */
export function fakeApiKey(username: string, scope: string, issuedAt: number): string {
  const payload = { fake: true, sub: username, scope, iat: issuedAt, jti: randomUUID() };
  return `${json64({ alg: "HS256", typ: "JWT" })}.${json64(payload)}.${Buffer.from("fake-signature").toString("base64url")}`;
}

/** An opaque refresh token. */
export const fakeRefreshToken = () => `fake-refresh-${randomUUID()}`;
