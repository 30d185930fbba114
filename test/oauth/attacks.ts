import { accountOf } from "../support/function-environment.ts";
import { type Attacker, badJwts, foreignJwts } from "./attacks-jwt.ts";
import { fakeCallerKey, portalOrigin, userClaims } from "./callers.ts";
import { oauthRoute, vendorRoute } from "./oauth-broker.ts";
import { fakeHandle } from "./key-tables.ts";
import { json, multipart, type Sent, urlencoded } from "./request-bodies.ts";
import { assertion, basic, clientCredentials, exchange, vendorFields, vendorForm } from "./requests.ts";

/** A request that must be rejected, and its response. */
export interface Attack {
  attack: string;
  by: string;
  route: string;
  request: (attacker: Attacker) => { sent: Sent; headers?: Record<string, string> };
  answer: readonly [status: number, error: string];
  /** The credential is accepted, but the caller may not have what it requests. */
  accepted?: true;
  /** The endpoint reads the item once: only the table knows which refresh handles were issued. */
  readsTable?: true;
}

const noClient = [401, "invalid_client"] as const;
const noGrant = [400, "invalid_grant"] as const;
const noScope = [400, "invalid_scope"] as const;
const noRequest = [400, "invalid_request"] as const;

type SentBy = Sent | ((attacker: Attacker) => Sent);

function attackBy(by: string, route: string) {
  return (attack: string, sent: SentBy, answer: Attack["answer"], headers: Record<string, string> = {}): Attack => {
    const request: Attack["request"] = (attacker) => ({
      sent: typeof sent === "function" ? sent(attacker) : sent,
      headers,
    });
    return { attack, by, route, answer, request };
  };
}

const vendor = attackBy("vendor's form", vendorRoute);
const inBody = attackBy("client_secret", oauthRoute);
const byAssertion = attackBy("assertion", oauthRoute);
const byExchange = attackBy("exchange", oauthRoute);
const byRefresh = (attack: string, token: string) =>
  attackBy("refresh", oauthRoute)(attack, json({ grant_type: "refresh_token", refresh_token: token }), noGrant);
const byBasic = (attack: string, name: string, secret: string, headers = {}) =>
  attackBy("Basic", oauthRoute)(attack, clientCredentials(), noClient, { ...basic(name, secret), ...headers });
const accepted = (attack: Attack): Attack => ({ ...attack, accepted: true });
const readsTable = (attack: Attack): Attack => ({ ...attack, readsTable: true });

const key = fakeCallerKey("old-php");
const changed = (index: number) => key.slice(0, index) + (key[index] === "A" ? "B" : "A") + key.slice(index + 1);

const keys: Attack[] = [
  vendor("key with its first character changed", vendorForm(changed(4)), noClient),
  vendor("key with its last character changed", vendorForm(changed(46)), noClient),
  vendor("key in lower case", vendorForm(fakeCallerKey("OLD-PHP")), noClient),
  vendor("key that was revoked", vendorForm(fakeCallerKey("revoked")), noClient),
  vendor("hash of a key as the key", vendorForm("0".repeat(64)), noClient),
  vendor("refresh handle as the key", vendorForm(fakeHandle("webapicorso", "1")), noClient),
  accepted(vendor("key of another caller", vendorForm(fakeCallerKey("erp")), noScope)),
  byBasic("key of another caller", "old-php", fakeCallerKey("erp")),
  inBody(
    "key of another caller",
    clientCredentials({ client_id: "old-php", client_secret: fakeCallerKey("erp") }),
    noClient,
  ),
  byBasic("key under an unknown name", "nobody", key),
  byBasic("key under the name of an inherited property", "constructor", key),
  vendor("key in a web page", vendorForm(key), noClient, { origin: "https://evil.test" }),
  vendor("key in a page of a listed origin", vendorForm(key), noClient, { origin: portalOrigin }),
  byBasic("key in a web page", "old-php", key, { origin: "null" }),
  accepted(
    inBody(
      "scope of another caller's connection",
      clientCredentials({ client_id: "old-php", client_secret: key, scope: "other" }),
      noScope,
    ),
  ),
];

const userOf = ({ broker }: Attacker) => vendorForm(broker.issuer.token(userClaims("webapicorso")));
const pipelineOf = ({ broker }: Attacker) => vendorForm(broker.issuer.token());

const origins: Attack[] = [
  vendor("user's JWT in a page of a foreign origin", userOf, noClient, { origin: "https://evil.test" }),
  vendor("user's JWT in a page of a longer origin", userOf, noClient, { origin: `${portalOrigin}.evil.test` }),
  vendor("user's JWT in a page of no origin", userOf, noClient, { origin: "null" }),
  vendor("pipeline's JWT in a page", pipelineOf, noClient, { origin: portalOrigin }),
];

const withKey = (connection: string) => `stbr.${connection}.${key}`;

const handles: Attack[] = [
  byRefresh("key in a refresh handle", withKey("webapicorso")),
  byRefresh("key in a refresh handle for another connection", withKey("other")),
  byRefresh("refresh handle of another form", key),
  byRefresh("refresh handle for a connection of no caller", fakeHandle("third", "1")),
  byRefresh("refresh token of Smart Services", "fake-refresh-1"),
  readsTable(byRefresh("refresh handle that was not issued", fakeHandle("webapicorso", "1"))),
  readsTable(byRefresh("refresh handle of another connection", fakeHandle("other", "1"))),
];

const fields = Object.entries(vendorFields(key));
const whole = multipart(fields);

/** One form for each place that rejects it; test/oauth/form.test.ts has more. */
const forms: Attack[] = [
  vendor("multipart without its end", { ...whole, body: whole.body.subarray(0, -6) }, noRequest),
  vendor("multipart with a duplicate field", multipart([...fields, ["token", `Bearer ${key}`]]), noRequest),
  vendor("multipart with a part of 10 MB", multipart([...fields, ["fake", "x".repeat(10_000_000)]]), noRequest),
  vendor("another Content-Type", { ...whole, headers: { "content-type": "text/xml" } }, noRequest),
  vendor("no Bearer", urlencoded({ ...accountOf("webapicorso"), token: key }), noRequest),
  vendor("Bearer twice", urlencoded(vendorFields(`Bearer ${key}`)), noRequest),
  inBody(
    "two credentials",
    clientCredentials({ client_id: "old-php", client_secret: key }),
    noRequest,
    basic("old-php", key),
  ),
  inBody(
    "JSON with an object in a field",
    json({ grant_type: "refresh_token", refresh_token: { $ne: "" } }),
    noRequest,
  ),
];

const largeJwt = ({ broker }: Attacker) => broker.issuer.token({ fake: "x".repeat(12_288) });

/** A JWT that is larger than a body may be. */
const large: Attack[] = [
  vendor("JWT of 16 KiB", (attacker) => vendorForm(largeJwt(attacker)), noRequest),
  byAssertion("JWT of 16 KiB", (attacker) => assertion(largeJwt(attacker)), noRequest),
  byExchange("JWT of 16 KiB", (attacker) => exchange(largeJwt(attacker)), noRequest),
];

/** Every attack, with the response that the documentation promises. */
export const attacks: Attack[] = [
  ...badJwts.flatMap(([attack, jwt]) => [
    vendor(`JWT ${attack}`, (attacker) => vendorForm(jwt(attacker)), noClient),
    byAssertion(`JWT ${attack}`, (attacker) => assertion(jwt(attacker)), noClient),
    byExchange(`JWT ${attack}`, (attacker) => exchange(jwt(attacker)), noGrant),
  ]),
  ...foreignJwts.flatMap(([attack, jwt]) => [
    accepted(vendor(`JWT ${attack}`, (attacker) => vendorForm(jwt(attacker)), noScope)),
    accepted(byExchange(`JWT ${attack}`, (a) => exchange(jwt(a), { scope: "webapicorso" }), noScope)),
  ]),
  ...keys,
  ...origins,
  ...handles,
  ...forms,
  ...large,
];
