import { createHmac, generateKeyPairSync, type JsonWebKey, type KeyObject, sign } from "node:crypto";

/** A key of an issuer, with the JWK that it publishes. */
export interface SigningKey {
  kid: string;
  alg: string;
  privateKey: KeyObject;
  publicKey: KeyObject;
  jwk: JsonWebKey;
}

/** A new key for an algorithm of RFC 7518 or RFC 8037, or for ML-DSA-44. */
export function signingKey(kid: string, alg = "ES256"): SigningKey {
  const { privateKey, publicKey } = generate(alg);
  return { kid, alg, privateKey, publicKey, jwk: { ...publicKey.export({ format: "jwk" }), kid, alg, use: "sig" } };
}

function generate(alg: string): { privateKey: KeyObject; publicKey: KeyObject } {
  if (alg === "EdDSA") return generateKeyPairSync("ed25519");
  if (alg === "ML-DSA-44") return generateKeyPairSync("ml-dsa-44");
  if (alg.startsWith("ES")) return generateKeyPairSync("ec", { namedCurve: `P-${alg.slice(2)}` });
  return generateKeyPairSync("rsa", { modulusLength: 2048 });
}

/** A signed JWT; `header` replaces or adds fields. */
export function jwtOf(key: SigningKey, claims: object, header: object = {}): string {
  const signed = `${base64({ alg: key.alg, kid: key.kid, typ: "JWT", ...header })}.${base64(claims)}`;
  const digest = ["EdDSA", "ML-DSA-44"].includes(key.alg) ? null : `sha${key.alg.slice(2)}`;
  const how = { key: key.privateKey, dsaEncoding: "ieee-p1363" as const, ...(key.alg.startsWith("PS") && pss) };
  return `${signed}.${sign(digest, Buffer.from(signed), how).toString("base64url")}`;
}

const pss = { padding: 6, saltLength: -1 };

/** A JWT without a signature. */
export function unsignedJwt(claims: object, header: object): string {
  return `${base64(header)}.${base64(claims)}.`;
}

/** A JWT that is signed by HS256 with this secret. */
export function hmacJwt(secret: string | Buffer, claims: object, header: object = {}): string {
  const signed = `${base64({ alg: "HS256", typ: "JWT", ...header })}.${base64(claims)}`;
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}

/** The same header and signature with other claims. */
export function withClaims(jwt: string, claims: object): string {
  const [header, , signature] = jwt.split(".");
  return `${header}.${base64(claims)}.${signature}`;
}

function base64(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
