import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fakeCallerKey, userClaims } from "./callers.ts";
import { audience, subject } from "./issuer.ts";
import { type Answer, type OAuthBroker, oauthRoute, startOAuthBroker, vendorRoute } from "./oauth-broker.ts";
import { json, urlencoded } from "./request-bodies.ts";
import { basic, exchangeGrant, jwtType, vendorFields, vendorForm } from "./requests.ts";

let broker: OAuthBroker;
let values: Record<(typeof kinds)[number], string>;

beforeAll(async () => {
  broker = await startOAuthBroker();
  const { json: answer } = await broker.ask(vendorRoute, vendorForm(fakeCallerKey("old-php")));
  values = {
    "a caller key": fakeCallerKey("old-php"),
    "an unknown caller key": fakeCallerKey("nobody"),
    "a JWT": broker.issuer.token(),
    "an expired JWT": broker.issuer.token({ iat: 1, exp: 2 }),
    "a refresh token": answer.refresh_token,
  };
});
afterAll(() => broker?.close());

const kinds = ["a caller key", "an unknown caller key", "a JWT", "an expired JWT", "a refresh token"] as const;
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/** How a request carries a credential: form fields, headers, or both. */
interface Carrier {
  fields?: Record<string, string>;
  headers?: Record<string, string>;
}

/** Every place of a credential. */
const places = {
  "the Authorization header": (value) => ({ headers: basic("old-php", value) }),
  client_secret: (value) => ({ fields: { client_id: "old-php", client_secret: value } }),
  client_assertion: (value) => ({ fields: { client_assertion: value, client_assertion_type: assertionType } }),
  subject_token: (value) => ({ fields: { subject_token: value, subject_token_type: jwtType } }),
  refresh_token: (value) => ({ fields: { refresh_token: value } }),
  token: (value) => ({ fields: { token: `Bearer ${value}` } }),
} satisfies Record<string, (value: string) => Carrier>;

type Place = keyof typeof places;

const grants = ["client_credentials", exchangeGrant, "refresh_token", "the vendor's form"] as const;

/** Sends a request of a grant with these credentials. */
function send(grant: string, ...carriers: Carrier[]): Promise<Answer> {
  const fields = Object.assign({}, ...carriers.map((carrier) => carrier.fields)) as Record<string, string>;
  const headers = Object.assign({}, ...carriers.map((carrier) => carrier.headers)) as Record<string, string>;
  if (grant === "the vendor's form") {
    const { token: _, ...account } = vendorFields("");
    return broker.ask(vendorRoute, urlencoded({ ...account, ...fields }), headers);
  }
  return broker.ask(oauthRoute, urlencoded({ grant_type: grant, ...fields }), headers);
}

const resultOf = ({ status, json: body }: Answer) => (status === 200 ? "token" : `${status} ${body.error}`);

/** The place and the kinds of credential that each grant accepts, and the error for any other kind in that place. */
const accepted: [grant: string, place: Place, kinds: string[], otherwise: string][] = [
  ["client_credentials", "the Authorization header", ["a caller key"], "401 invalid_client"],
  ["client_credentials", "client_secret", ["a caller key"], "401 invalid_client"],
  ["client_credentials", "client_assertion", ["a JWT"], "401 invalid_client"],
  [exchangeGrant, "subject_token", ["a JWT"], "400 invalid_grant"],
  ["refresh_token", "refresh_token", ["a refresh token"], "400 invalid_grant"],
  ["the vendor's form", "token", ["a caller key", "a JWT"], "401 invalid_client"],
];

/** The errors for a credential in a place that is not the grant's own, whatever it is. */
const misplaced: Record<string, Record<Place, string>> = {
  client_credentials: {
    "the Authorization header": "",
    client_secret: "",
    client_assertion: "",
    subject_token: "400 invalid_request",
    refresh_token: "400 invalid_request",
    token: "401 invalid_client",
  },
  [exchangeGrant]: {
    "the Authorization header": "400 invalid_request",
    client_secret: "400 invalid_request",
    client_assertion: "400 invalid_request",
    subject_token: "",
    refresh_token: "400 invalid_request",
    token: "400 invalid_request",
  },
  refresh_token: {
    "the Authorization header": "400 invalid_request",
    client_secret: "400 invalid_request",
    client_assertion: "400 invalid_request",
    subject_token: "400 invalid_request",
    refresh_token: "",
    token: "400 invalid_request",
  },
  "the vendor's form": {
    "the Authorization header": "400 invalid_request",
    client_secret: "400 invalid_request",
    client_assertion: "400 invalid_request",
    subject_token: "400 invalid_request",
    refresh_token: "400 invalid_request",
    token: "",
  },
};

const cells = grants.flatMap((grant) =>
  (Object.keys(places) as Place[]).flatMap((place) =>
    kinds.map((kind) => {
      const own = accepted.find((row) => row[0] === grant && row[1] === place);
      const result = own ? (own[2].includes(kind) ? "token" : own[3]) : misplaced[grant]?.[place];
      return { grant, place, kind, result };
    }),
  ),
);

describe("A credential belongs to its place:", () => {
  test.each(cells)("for $grant, $kind in $place gets $result", async ({ grant, place, kind, result }) => {
    const answer = await send(grant, places[place](values[kind]));

    expect(resultOf(answer)).toBe(result);
    if (result !== "token") expect(answer.text).not.toContain(values[kind]);
  });
});

test("A JWT is no client_secret, also under the name of its own entry", async () => {
  const secret = { fields: { client_id: "deploy-ci", client_secret: values["a JWT"] } };
  const header = { headers: basic("deploy-ci", values["a JWT"]) };

  expect(resultOf(await send("client_credentials", secret))).toBe("401 invalid_client");
  expect(resultOf(await send("client_credentials", header))).toBe("401 invalid_client");
});

describe("Client authentication beside a grant", () => {
  const own = {
    [exchangeGrant]: () => places.subject_token(values["a JWT"]),
    refresh_token: () => places.refresh_token(values["a refresh token"]),
    "the vendor's form": () => places.token(values["a caller key"]),
  };
  const clients = ["the Authorization header", "client_secret", "client_assertion"] as const;

  test.each(
    ([exchangeGrant, "refresh_token"] as const).flatMap((grant) =>
      clients.flatMap((place) => kinds.map((kind) => [grant, place, kind] as const)),
    ),
  )("for %s, in %s: %s", async (grant, place, kind) => {
    const isKey = kind === "a caller key" && place !== "client_assertion";
    const isJwt = kind === "a JWT" && place === "client_assertion";
    // Only the caller of a refresh token may use it: no client with a JWT ever got one.
    const result =
      isKey || (isJwt && grant === exchangeGrant) ? "token" : isJwt ? "400 invalid_grant" : "401 invalid_client";

    expect(resultOf(await send(grant, own[grant](), places[place](values[kind])))).toBe(result);
  });

  test.each(clients)(
    "in %s is ignored in the vendor's form, whose clients set headers for all requests",
    async (place) => {
      expect(resultOf(await send("the vendor's form", own["the vendor's form"](), places[place]("fake")))).toBe(
        "token",
      );
    },
  );

  test("of another caller does not use a refresh token", async () => {
    const headers = basic("back-office", fakeCallerKey("back-office"));

    expect(resultOf(await send("refresh_token", own.refresh_token(), { headers }))).toBe("400 invalid_grant");
  });

  test("in a header that fails gets a challenge", async () => {
    const answer = await send(exchangeGrant, own[exchangeGrant](), { headers: basic("old-php", "fake") });

    expect(answer.headers.get("www-authenticate")).toMatch(/^Basic /);
  });

  test("does not replace a grant that is not accepted", async () => {
    const headers = basic("old-php", values["a caller key"]);

    expect(resultOf(await send(exchangeGrant, places.subject_token("fake.jwt.1"), { headers }))).toBe(
      "400 invalid_grant",
    );
  });
});

describe("client_id", () => {
  const jwt = (claims: object) => broker.issuer.token(claims);
  const id = (value: string) => ({ fields: { client_id: value } });

  test.each([
    ["the name of the entry", "deploy-ci", "token"],
    ["the JWT's sub", subject, "token"],
    ["the JWT's azp", "fake-azp", "token"],
    ["the JWT's client_id", "fake-client", "token"],
    ["the audience", audience, "token"],
    ["the name of another entry", "portal", "an error"],
    ["the name of a caller with a key", "old-php", "an error"],
    ["the name of an inherited property", "constructor", "an error"],
  ])("that is %s, with a JWT: %s gets %s", async (_, clientId, result) => {
    const token = jwt({ azp: "fake-azp", client_id: "fake-client" });
    const requests = [
      await send("client_credentials", places.client_assertion(token), id(clientId)),
      await send(exchangeGrant, places.subject_token(token), id(clientId)),
      await send("the vendor's form", places.token(token), id(clientId)),
    ];

    expect(requests.map(resultOf)).toEqual(
      result === "token"
        ? ["token", "token", "token"]
        : ["401 invalid_client", "400 invalid_grant", "401 invalid_client"],
    );
  });

  test("that is the name of one entry gives no connection of another entry", async () => {
    const token = jwt({ ...userClaims("other"), aud: [audience, "fake-portal"], sub: subject });
    const exchanged = (clientId: string, scope: string) =>
      send(exchangeGrant, places.subject_token(token), { fields: { client_id: clientId, scope } });

    expect(resultOf(await exchanged("portal", "other"))).toBe("token");
    expect(resultOf(await exchanged("portal", "webapicorso"))).toBe("400 invalid_scope");
    expect(resultOf(await exchanged("deploy-ci", "other"))).toBe("400 invalid_scope");
  });

  test.each([
    ["old-php", "token", "token"],
    ["erp", "400 invalid_grant", "401 invalid_client"],
  ])("with a refresh token or the vendor's form is the name of the key's entry: %s", async (name, refresh, vendor) => {
    expect(resultOf(await send("refresh_token", places.refresh_token(values["a refresh token"]), id(name)))).toBe(
      refresh,
    );
    expect(resultOf(await send("the vendor's form", places.token(values["a caller key"]), id(name)))).toBe(vendor);
  });

  test("beside a client that authenticates belongs to that client", async () => {
    const client = places.client_secret(values["a caller key"]);

    expect(resultOf(await send(exchangeGrant, places.subject_token(values["a JWT"]), client))).toBe("token");
  });

  test("must be the name in the Authorization header", async () => {
    const header = places["the Authorization header"](values["a caller key"]);

    expect(resultOf(await send("client_credentials", header, id("old-php")))).toBe("token");
    expect(resultOf(await send("client_credentials", header, id("erp")))).toBe("400 invalid_request");
  });
});

describe("scope in a refresh", () => {
  test.each([
    ["webapicorso", "token"],
    ["webapicorso_alywebapicorso", "token"],
    ["other", "400 invalid_scope"],
    ["other_alyother", "400 invalid_scope"],
    ["webapicorso other", "400 invalid_scope"],
  ])("%s, of a refresh token for webapicorso, gets %s", async (scope, result) => {
    const { json: answer } = await broker.ask(vendorRoute, vendorForm(fakeCallerKey("back-office")));
    const sent = json({ grant_type: "refresh_token", refresh_token: answer.refresh_token, scope });

    expect(resultOf(await broker.ask(oauthRoute, sent))).toBe(result);
  });
});
