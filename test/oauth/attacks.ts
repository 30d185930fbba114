import { oauthRoute, vendorRoute } from "./oauth-broker.ts";
import { accountOf } from "../support/function-environment.ts";
import { badJwts, foreignJwts, type Lair } from "./attacks-jwt.ts";
import { fakeCallerKey, portalOrigin, userClaims } from "./callers.ts";
import { assertion, basic, clientCredentials, exchange, vendorFields, vendorForm } from "./requests.ts";
import { json, multipart, multipartOf, part, type Sent, urlencoded } from "./request-bodies.ts";

/** A request that must be refused, and how. */
export interface Attack {
  attack: string;
  by: string;
  route: string;
  request: (lair: Lair) => { sent: Sent; headers?: Record<string, string> };
  answer: readonly [status: number, error: string];
  /** The credential is good, and the caller may not have what it asks for. */
  accepted?: true;
}

const noClient = [401, "invalid_client"] as const;
const noGrant = [400, "invalid_grant"] as const;
const noScope = [400, "invalid_scope"] as const;
const noRequest = [400, "invalid_request"] as const;

/** Each JWT, shown in each of the ways that there are. */
function shownInEveryWay(attack: string, jwt: (lair: Lair) => string): Attack[] {
  const ways: [by: string, route: string, answer: Attack["answer"], sent: (jwt: string) => Sent][] = [
    ["vendor's wire", vendorRoute, noClient, vendorForm],
    ["assertion", oauthRoute, noClient, assertion],
    ["exchange", oauthRoute, noGrant, exchange],
  ];
  return ways.map(([by, route, answer, sent]) => ({
    attack: `JWT ${attack}`,
    by,
    route,
    answer,
    request: (lair) => ({ sent: sent(jwt(lair)) }),
  }));
}

function onForeignConnection(attack: string, jwt: (lair: Lair) => string): Attack[] {
  const common = { attack: `JWT ${attack}`, answer: noScope, accepted: true as const };
  return [
    { ...common, by: "vendor's wire", route: vendorRoute, request: (lair) => ({ sent: vendorForm(jwt(lair)) }) },
    {
      ...common,
      by: "api_key",
      route: oauthRoute,
      request: (lair) => ({ sent: exchange(jwt(lair), { scope: "webapicorso" }) }),
    },
  ];
}

const vendor = (
  attack: string,
  sent: Sent | ((lair: Lair) => Sent),
  answer: Attack["answer"],
  headers = {},
): Attack => ({
  attack,
  by: "vendor's wire",
  route: vendorRoute,
  answer,
  request: (lair) => ({ sent: typeof sent === "function" ? sent(lair) : sent, headers }),
});
const oauth = (attack: string, by: string, sent: Sent, answer: Attack["answer"], headers = {}): Attack => ({
  attack,
  by,
  route: oauthRoute,
  answer,
  request: () => ({ sent, headers }),
});

const key = fakeCallerKey("old-php");
const changed = (index: number) => key.slice(0, index) + (key[index] === "A" ? "B" : "A") + key.slice(index + 1);
const refresh = (token: string) => json({ grant_type: "refresh_token", refresh_token: token });

const keys: Attack[] = [
  vendor("key with its first character changed", vendorForm(changed(4)), noClient),
  vendor("key with its last character changed", vendorForm(changed(46)), noClient),
  vendor("key in lower case", vendorForm(fakeCallerKey("OLD-PHP")), noClient),
  vendor("key that was revoked", vendorForm(fakeCallerKey("revoked")), noClient),
  vendor("hash of a key, in its place", vendorForm("0".repeat(64)), noClient),
  vendor("refresh handle, in place of a key", vendorForm(`stbr.webapicorso.${key}`), noClient),
  { ...vendor("key of another caller", vendorForm(fakeCallerKey("erp")), noScope), accepted: true },
  oauth("key of another caller", "Basic", clientCredentials(), noClient, basic("old-php", fakeCallerKey("erp"))),
  oauth(
    "key of another caller",
    "secret",
    clientCredentials({ client_id: "old-php", client_secret: fakeCallerKey("erp") }),
    noClient,
  ),
  oauth("key under an unknown name", "Basic", clientCredentials(), noClient, basic("nobody", key)),
  oauth(
    "key under the name of what every object has",
    "Basic",
    clientCredentials(),
    noClient,
    basic("constructor", key),
  ),
  vendor("key in a web page", vendorForm(key), noClient, { origin: "https://evil.test" }),
  vendor("key in a page of a listed origin", vendorForm(key), noClient, { origin: portalOrigin }),
  oauth("key in a web page", "Basic", clientCredentials(), noClient, { ...basic("old-php", key), origin: "null" }),
  {
    ...oauth(
      "scope of another caller's",
      "Basic",
      clientCredentials({ scope: "other" }),
      noScope,
      basic("old-php", key),
    ),
    accepted: true,
  },
];

const userOf = ({ broker }: Lair) => vendorForm(broker.issuer.token(userClaims("webapicorso")));

const origins: Attack[] = [
  vendor("user's JWT in a page of a foreign origin", userOf, noClient, { origin: "https://evil.test" }),
  vendor("user's JWT in a page of a longer origin", userOf, noClient, { origin: `${portalOrigin}.evil.test` }),
  vendor("user's JWT in a page of no origin", userOf, noClient, { origin: "null" }),
  vendor("pipeline's JWT in a page", ({ broker }) => vendorForm(broker.issuer.token()), noClient, {
    origin: portalOrigin,
  }),
];

const handles: Attack[] = [
  oauth("refresh handle of a revoked key", "refresh", refresh(`stbr.webapicorso.${fakeCallerKey("revoked")}`), noGrant),
  oauth("refresh handle with one character changed", "refresh", refresh(`stbr.webapicorso.${changed(20)}`), noGrant),
  oauth("refresh handle of another form", "refresh", refresh(key), noGrant),
  oauth("refresh token of Smart Services", "refresh", refresh("fake-refresh-1"), noGrant),
  {
    ...oauth(
      "refresh handle of another caller",
      "refresh",
      refresh(`stbr.webapicorso.${fakeCallerKey("erp")}`),
      noGrant,
    ),
    accepted: true,
  },
  {
    ...oauth("refresh handle for another connection", "refresh", refresh(`stbr.other.${key}`), noGrant),
    accepted: true,
  },
];

const fields = Object.entries(vendorFields(key));
const boundary = "fake-boundary";
const file = part(boundary, ['Content-Disposition: form-data; name="token"; filename="fake"'], `Bearer ${key}`);
const whole = multipart(fields);

const forms: Attack[] = [
  vendor("multipart that breaks off", { ...whole, body: whole.body.subarray(0, -6) }, noRequest),
  vendor("multipart that is none", { ...whole, body: Buffer.from(`token=Bearer ${key}`) }, noRequest),
  vendor("multipart with a field twice", multipart([...fields, ["token", `Bearer ${key}`]]), noRequest),
  vendor(
    "multipart with a file in place of a field",
    multipartOf(`multipart/form-data; boundary=${boundary}`, boundary, [file]),
    noRequest,
  ),
  vendor("multipart with a part of 10 MB", multipart([...fields, ["fake", "x".repeat(10_000_000)]]), noRequest),
  vendor(
    "multipart without a boundary",
    { headers: { "content-type": "multipart/form-data" }, body: Buffer.from("x") },
    noRequest,
  ),
  vendor("multipart in Latin-1", multipart([...fields, ["fake", Buffer.from("è", "latin1")]]), noRequest),
  vendor("no body", { headers: whole.headers, body: Buffer.alloc(0) }, noRequest),
  vendor("another Content-Type", { ...whole, headers: { "content-type": "text/xml" } }, noRequest),
  vendor("no Bearer", urlencoded({ ...accountOf("webapicorso"), token: key }), noRequest),
  vendor("Bearer twice", urlencoded(vendorFields(`Bearer ${key}`)), noRequest),
  vendor("Bearer in lower case", urlencoded({ ...accountOf("webapicorso"), token: `bearer ${key}` }), noRequest),
  oauth(
    "two credentials at a time",
    "OAuth",
    clientCredentials({ client_id: "old-php", client_secret: key }),
    noRequest,
    basic("old-php", key),
  ),
  oauth(
    "JSON that is none",
    "OAuth",
    { headers: { "content-type": "application/json" }, body: Buffer.from("{") },
    noRequest,
  ),
  oauth(
    "JSON with an object in a field",
    "OAuth",
    json({ grant_type: "refresh_token", refresh_token: { $ne: "" } }),
    noRequest,
  ),
];

/** Every attack of which the documentation says how it ends. */
export const attacks: Attack[] = [
  ...badJwts.flatMap(([attack, jwt]) => shownInEveryWay(attack, jwt)),
  ...foreignJwts.flatMap(([attack, jwt]) => onForeignConnection(attack, jwt)),
  ...keys,
  ...origins,
  ...handles,
  ...forms,
];
