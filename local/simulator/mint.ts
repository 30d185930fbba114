import { generateKeyPair, type KeyObject, randomUUID, sign } from "node:crypto";
import { promisify } from "node:util";

const json64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** The form of an access token. `bad_jwt` has the three parts of a JWT, but its payload is not JSON. */
export type TokenForm = "jwt" | "opaque" | "bad_jwt";

export interface Mint {
  publicKey: KeyObject;
  accessToken(form: TokenForm, scope: string, username: string, issuedAt: number, expiresAt: number): string;
}

/** Made once in a process, because it takes a tenth of a second. */
let keys: ReturnType<typeof makeKeys> | undefined;
const makeKeys = () => promisify(generateKeyPair)("rsa", { modulusLength: 2048 });

/** Makes a mint of access tokens: RS256 JWTs, signed with the key of this process, instants in whole epoch seconds. */
export async function createMint(): Promise<Mint> {
  const { publicKey, privateKey } = await (keys ??= makeKeys());
  return {
    publicKey,
    accessToken(form, scope, username, issuedAt, expiresAt) {
      if (form === "opaque") return `fake-access-${randomUUID()}`;
      const header = json64({ alg: "RS256", typ: "JWT" });
      const claims = {
        iss: "smart-services-simulator",
        sub: username,
        scope,
        iat: issuedAt,
        exp: expiresAt,
        jti: randomUUID(),
      };
      const payload = form === "jwt" ? json64(claims) : Buffer.from(`{not json ${claims.jti}`).toString("base64url");
      const signature = sign("sha256", Buffer.from(`${header}.${payload}`), privateKey);
      return `${header}.${payload}.${signature.toString("base64url")}`;
    },
  };
}

/** An API key in the vendor's form (a JWT) that is visibly fake and has no real signature. */
export function fakeApiKey(username: string, scope: string, issuedAt: number): string {
  const payload = { fake: true, sub: username, scope, iat: issuedAt, jti: randomUUID() };
  return `${json64({ alg: "HS256", typ: "JWT" })}.${json64(payload)}.${Buffer.from("fake-signature").toString("base64url")}`;
}

/** An opaque refresh token. */
export const fakeRefreshToken = () => `fake-refresh-${randomUUID()}`;
