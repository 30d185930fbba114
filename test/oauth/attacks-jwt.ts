import type { OAuthBroker } from "./oauth-broker.ts";
import { userClaims } from "./callers.ts";
import { fakeClaims, type Issuer } from "./issuer.ts";
import { hmacJwt, jwtOf, signingKey, unsignedJwt, withClaims } from "./jwt.ts";

/** What an attacker has: the broker's issuer as it is published, JWTs of it, and an issuer of his own. */
export interface Lair {
  broker: OAuthBroker;
  /** Trusted by nobody; knows whether it was asked. */
  own: Issuer;
}

const forger = signingKey("key-1");
const seconds = () => Math.floor(Date.now() / 1000);

/** A JWT with other claims than it should have, signed as it should be. */
const claiming =
  (claims: object) =>
  ({ broker }: Lair): string =>
    broker.issuer.token(claims);

/** A JWT with the right claims and a header of the attacker's, signed with a key of his own. */
const forged =
  (header: (lair: Lair) => object) =>
  (lair: Lair): string =>
    jwtOf(forger, fakeClaims(lair.broker.issuer.url, seconds()), header(lair));

const unsigned = (alg: string) =>
  [
    `alg: ${alg}`,
    ({ broker }: Lair) => unsignedJwt(fakeClaims(broker.issuer.url, seconds()), { alg, kid: "key-1", typ: "JWT" }),
  ] as const;

const symmetric =
  (secret: (key: Issuer["key"]) => string | Buffer, kid = "key-1") =>
  ({ broker: { issuer } }: Lair) =>
    hmacJwt(secret(issuer.key), fakeClaims(issuer.url, seconds()), { kid });

const shuffled =
  (change: (parts: string[]) => string[]) =>
  ({ broker }: Lair) =>
    change(broker.issuer.token().split(".")).join(".");

const text = (claims: string) => Buffer.from(claims).toString("base64url");

/** JWTs that no entry of the list accepts, whichever way they are shown. */
export const badJwts: (readonly [attack: string, jwt: (lair: Lair) => string])[] = [
  ["expired", ({ broker }) => broker.issuer.token({ exp: seconds() - 60 })],
  ["not valid yet", ({ broker }) => broker.issuer.token({ nbf: seconds() + 60 })],
  ["without an end", claiming({ exp: undefined })],
  ["with an end that is a text", claiming({ exp: "9999999999" })],
  ["for another audience", claiming({ aud: "other" })],
  ["for other audiences", claiming({ aud: ["fake-audience-2", "other"] })],
  ["for no audience", claiming({ aud: undefined })],
  ["for a longer audience", claiming({ aud: "fake-audience-2" })],
  ["of an issuer that is not in the list", ({ own }) => own.token()],
  ["of an issuer that only says that it is the listed one", ({ broker, own }) => own.token({ iss: broker.issuer.url })],
  [
    "of the listed issuer with a slash behind it",
    ({ broker }) => broker.issuer.token({ iss: `${broker.issuer.url}/` }),
  ],
  ["of two issuers", ({ broker, own }) => broker.issuer.token({ iss: [broker.issuer.url, own.url] })],
  ["of no issuer", claiming({ iss: undefined })],
  unsigned("none"),
  unsigned("None"),
  unsigned("nOnE"),
  ["HS256 with the public key in PEM", symmetric(({ publicKey }) => publicKey.export({ format: "pem", type: "spki" }))],
  ["HS256 with the public key in DER", symmetric(({ publicKey }) => publicKey.export({ format: "der", type: "spki" }))],
  ["HS256 with the public key as a JWK", symmetric(({ jwk }) => JSON.stringify(jwk))],
  ["HS256 with no secret, of no key", symmetric(() => "", "")],
  ["with a swapped key, of the same kid", forged(() => ({}))],
  ["with a swapped key, of no kid", forged(() => ({ kid: undefined }))],
  ["with the alg of another kind of key", ({ broker }) => broker.issuer.token({}, { alg: "RS256" })],
  [
    "with claims that were changed",
    ({ broker }) => withClaims(broker.issuer.token({ sub: "other" }), fakeClaims(broker.issuer.url, seconds())),
  ],
  ["with no signature", shuffled(([header = "", claims = ""]) => [header, claims, ""])],
  ["with two parts", shuffled((parts) => parts.slice(0, 2))],
  ["with five parts, as if it were encrypted", shuffled((parts) => [...parts, "fake", "fake"])],
  ["with claims that are no JSON", shuffled(([header = "", , signature = ""]) => [header, text("{"), signature])],
  ["with claims that are null", shuffled(([header = "", , signature = ""]) => [header, text("null"), signature])],
  ["with claims that are a list", shuffled(([header = "", , signature = ""]) => [header, text("[]"), signature])],
  ["a kid that is a path", forged(() => ({ kid: "../../../../dev/null" }))],
  ["a kid that is a URL", forged(({ own }) => ({ kid: `${own.url}/keys` }))],
  ["a kid that is SQL", forged(() => ({ kid: "' UNION SELECT 'fake" }))],
  ["a kid that is no text", forged(() => ({ kid: { "": "key-1" } }))],
  ["a jku", forged(({ own }) => ({ jku: `${own.url}/keys` }))],
  ["an x5u", forged(({ own }) => ({ x5u: `${own.url}/keys` }))],
  ["a key in its header", forged(() => ({ jwk: forger.jwk }))],
  ["a critical header that nobody knows", ({ broker }) => broker.issuer.token({}, { crit: ["fake"], fake: true })],
  ["a payload that is not encoded", ({ broker }) => broker.issuer.token({}, { crit: ["b64"], b64: false })],
  ["another subject", claiming({ sub: "repo:evil/shop:ref:refs/heads/main" })],
  ["a subject that goes on where the prefix ends", claiming({ sub: "repo:acme/shop-evil:ref:refs/heads/main" })],
  ["a subject that is the prefix with its star", claiming({ sub: "repo:acme/*" })],
  ["a subject that is a list", claiming({ sub: ["repo:acme/shop:ref:refs/heads/main"] })],
  ["a subject that is an object", claiming({ sub: { "repo:acme/shop:": "" } })],
  ["no subject", claiming({ sub: undefined })],
];

const user =
  (claim: unknown) =>
  ({ broker }: Lair) =>
    broker.issuer.token({ ...userClaims(), smart_services: claim });

/** JWTs that are accepted, and do not allow the connection `webapicorso`. */
export const foreignJwts: (readonly [attack: string, jwt: (lair: Lair) => string])[] = [
  ["whose claim names another connection", user(["other"])],
  ["whose claim names a prefix of one", user(["webapicors"])],
  ["whose claim names one and more", user(["webapicorso2"])],
  ["whose claim names one in upper case", user(["WEBAPICORSO"])],
  ["whose claim names one with a comma", user("webapicorso,other")],
  ["whose claim is a wildcard", user(["*"])],
  ["whose claim is an object", user({ webapicorso: true })],
  ["whose claim is a list in a list", user([["webapicorso"]])],
  ["whose claim is a list as a text", user('["webapicorso"]')],
  ["whose claim is a number", user(1)],
  ["whose claim is absent", user(undefined)],
];
