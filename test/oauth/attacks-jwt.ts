import type { OAuthBroker } from "./oauth-broker.ts";
import { userClaims } from "./callers.ts";
import { fakeClaims, type Issuer } from "./issuer.ts";
import { hmacJwt, jwtOf, signingKey, unsignedJwt, withClaims } from "./jwt.ts";

/** What an attacker has: the trusted issuer's public keys, JWTs of it, and the attacker's own issuer. */
export interface Attacker {
  broker: OAuthBroker;
  /** An issuer that is not trusted. It records requests. */
  own: Issuer;
}

const forger = signingKey("key-1");
const seconds = () => Math.floor(Date.now() / 1000);

/** A JWT with wrong claims and a valid signature. */
const claiming =
  (claims: object) =>
  ({ broker }: Attacker): string =>
    broker.issuer.token(claims);

/** A JWT with correct claims and the attacker's own header, signed with the attacker's own key. */
const forged =
  (header: (attacker: Attacker) => object) =>
  (attacker: Attacker): string =>
    jwtOf(forger, fakeClaims(attacker.broker.issuer.url, seconds()), header(attacker));

const unsigned = (alg: string) =>
  [
    `with alg ${alg}`,
    ({ broker }: Attacker) => unsignedJwt(fakeClaims(broker.issuer.url, seconds()), { alg, kid: "key-1", typ: "JWT" }),
  ] as const;

const symmetric =
  (secret: (key: Issuer["key"]) => string | Buffer, kid = "key-1") =>
  ({ broker: { issuer } }: Attacker) =>
    hmacJwt(secret(issuer.key), fakeClaims(issuer.url, seconds()), { kid });

const shuffled =
  (change: (parts: string[]) => string[]) =>
  ({ broker }: Attacker) =>
    change(broker.issuer.token().split(".")).join(".");

const yearLong = () => ({ iat: seconds() - 364 * 86_400, exp: seconds() + 3600 });

const text = (claims: string) => Buffer.from(claims).toString("base64url");

/** JWTs that no entry of the list accepts, on any route; claims.test.ts and jwt-rules.test.ts have more claims. */
export const badJwts: (readonly [attack: string, jwt: (attacker: Attacker) => string])[] = [
  ["expired", ({ broker }) => broker.issuer.token({ exp: seconds() - 60 })],
  ["not valid yet", ({ broker }) => broker.issuer.token({ nbf: seconds() + 60 })],
  ["without exp", claiming({ exp: undefined })],
  ["with a string as exp", claiming({ exp: "9999999999" })],
  ["for another audience", claiming({ aud: "other" })],
  ["of an issuer that is not in the list", ({ own }) => own.token()],
  ["of another issuer that claims to be the listed one", ({ broker, own }) => own.token({ iss: broker.issuer.url })],
  ["of the listed issuer with a trailing slash", ({ broker }) => broker.issuer.token({ iss: `${broker.issuer.url}/` })],
  ["of two issuers", ({ broker, own }) => broker.issuer.token({ iss: [broker.issuer.url, own.url] })],
  ["of no issuer", claiming({ iss: undefined })],
  unsigned("none"),
  unsigned("None"),
  unsigned("nOnE"),
  [
    "signed by HS256 with the public key in PEM",
    symmetric(({ publicKey }) => publicKey.export({ format: "pem", type: "spki" })),
  ],
  [
    "signed by HS256 with the public key in DER",
    symmetric(({ publicKey }) => publicKey.export({ format: "der", type: "spki" })),
  ],
  ["signed by HS256 with the public key as a JWK", symmetric(({ jwk }) => JSON.stringify(jwk))],
  ["signed by HS256 with an empty secret", symmetric(() => "", "")],
  ["signed with another key of the same kid", forged(() => ({}))],
  ["signed with another key without kid", forged(() => ({ kid: undefined }))],
  ["with an alg for another type of key", ({ broker }) => broker.issuer.token({}, { alg: "RS256" })],
  [
    "with changed claims",
    ({ broker }) => withClaims(broker.issuer.token({ sub: "other" }), fakeClaims(broker.issuer.url, seconds())),
  ],
  ["without a signature", shuffled(([header = "", claims = ""]) => [header, claims, ""])],
  ["with two parts", shuffled((parts) => parts.slice(0, 2))],
  ["with five parts, as an encrypted JWT has", shuffled((parts) => [...parts, "fake", "fake"])],
  ["with claims that are not JSON", shuffled(([header = "", , signature = ""]) => [header, text("{"), signature])],
  ["with claims that are null", shuffled(([header = "", , signature = ""]) => [header, text("null"), signature])],
  ["with claims that are a list", shuffled(([header = "", , signature = ""]) => [header, text("[]"), signature])],
  ["with a path as kid", forged(() => ({ kid: "../../../../dev/null" }))],
  ["with a URL as kid", forged(({ own }) => ({ kid: `${own.url}/keys` }))],
  ["with SQL as kid", forged(() => ({ kid: "' UNION SELECT 'fake" }))],
  ["with a kid that is not a string", forged(() => ({ kid: { "": "key-1" } }))],
  ["with a jku", forged(({ own }) => ({ jku: `${own.url}/keys` }))],
  ["with an x5u", forged(({ own }) => ({ x5u: `${own.url}/keys` }))],
  ["with a key in its header", forged(() => ({ jwk: forger.jwk }))],
  ["with an unknown critical header", ({ broker }) => broker.issuer.token({}, { crit: ["fake"], fake: true })],
  ["with an unencoded payload", ({ broker }) => broker.issuer.token({}, { crit: ["b64"], b64: false })],
  ["that is a logout token by its type", ({ broker }) => broker.issuer.token({}, { typ: "logout+jwt" })],
  [
    "that is a logout token by its events",
    claiming({ events: { "http://schemas.openid.net/event/backchannel-logout": {} } }),
  ],
  ["that is bound to a key, without a proof of it", claiming({ cnf: { jkt: "fake" } })],
  ["that was issued in the future", ({ broker }) => broker.issuer.token({ iat: seconds() + 60 })],
  ["that lives longer than a day", ({ broker }) => broker.issuer.token({ exp: seconds() + 86_460 })],
  ["that lives for a year, of which an hour is left", ({ broker }) => broker.issuer.token(yearLong())],
  ["with another subject", claiming({ sub: "repo:evil/shop:ref:refs/heads/main" })],
  [
    "with a subject that continues the prefix without its end",
    claiming({ sub: "repo:acme/shop-evil:ref:refs/heads/main" }),
  ],
];

const user =
  (claim: unknown) =>
  ({ broker }: Attacker) =>
    broker.issuer.token({ ...userClaims(), smart_services: claim });

/** JWTs that are accepted but do not allow the connection `webapicorso`. */
export const foreignJwts: (readonly [attack: string, jwt: (attacker: Attacker) => string])[] = [
  ["whose claim names another connection", user(["other"])],
  ["whose claim separates ids with a comma", user("webapicorso,other")],
  ["whose claim is a wildcard", user(["*"])],
  ["whose claim is an object", user({ webapicorso: true })],
  ["whose claim is absent", user(undefined)],
];
