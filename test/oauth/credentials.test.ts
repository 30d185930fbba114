import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fakeCallerKey } from "./callers.ts";
import { type Answer, type OAuthBroker, oauthRoute, startOAuthBroker, vendorRoute } from "./oauth-broker.ts";
import { json, urlencoded } from "./request-bodies.ts";
import { basic, exchangeGrant, jwtType, vendorFields, vendorForm } from "./requests.ts";

// Which credential each place accepts: grant-request.test.ts, authenticate.test.ts and entitlement.test.ts.
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

/** How a request carries a credential: form fields or headers. */
interface Carrier {
  fields?: Record<string, string>;
  headers?: Record<string, string>;
}

/** The places of a client's own credential. */
const places = {
  "the Authorization header": (value) => ({ headers: basic("old-php", value) }),
  client_secret: (value) => ({ fields: { client_id: "old-php", client_secret: value } }),
  client_assertion: (value) => ({ fields: { client_assertion: value, client_assertion_type: assertionType } }),
} satisfies Record<string, (value: string) => Carrier>;
const clients = Object.keys(places) as (keyof typeof places)[];

const exchanged = (token: string): Carrier => ({ fields: { subject_token: token, subject_token_type: jwtType } });
/** The grants beside which a client may authenticate. */
const grants = {
  [exchangeGrant]: () => exchanged(values["a JWT"]),
  refresh_token: () => ({ fields: { refresh_token: values["a refresh token"] } }),
};

/** Sends a request of a grant with these credentials. */
function send(grant: string, { fields: grantFields }: Carrier, { fields, headers }: Carrier): Promise<Answer> {
  return broker.ask(oauthRoute, urlencoded({ grant_type: grant, ...grantFields, ...fields }), headers);
}

const resultOf = ({ status, json: body }: Answer) => (status === 200 ? "token" : `${status} ${body.error}`);

describe("Client authentication beside a grant", () => {
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

    expect(resultOf(await send(grant, grants[grant](), places[place](values[kind])))).toBe(result);
  });

  test.each(clients)(
    "in %s is ignored in the vendor's form, whose clients set headers for all requests",
    async (place) => {
      const { fields, headers }: Carrier = places[place]("fake");
      const form = urlencoded({ ...vendorFields(values["a caller key"]), ...fields });

      expect(resultOf(await broker.ask(vendorRoute, form, headers))).toBe("token");
    },
  );

  test("of another caller does not use a refresh token", async () => {
    const headers = basic("back-office", fakeCallerKey("back-office"));

    expect(resultOf(await send("refresh_token", grants.refresh_token(), { headers }))).toBe("400 invalid_grant");
  });

  test("under the name of another caller is rejected", async () => {
    const headers = basic("erp", values["a caller key"]);

    expect(resultOf(await send(exchangeGrant, grants[exchangeGrant](), { headers }))).toBe("401 invalid_client");
  });

  test("does not replace a grant that is not accepted", async () => {
    const client = places["the Authorization header"](values["a caller key"]);

    expect(resultOf(await send(exchangeGrant, exchanged("fake.jwt.1"), client))).toBe("400 invalid_grant");
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
