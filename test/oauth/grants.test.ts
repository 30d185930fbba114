import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Answer, type OAuthBroker, oauthRoute, startOAuthBroker, vendorRoute } from "./oauth-broker.ts";
import { accountOf } from "../support/function-environment.ts";
import { fakeCallerKey, userClaims } from "./callers.ts";
import { assertion, basic, exchange, vendorFields, vendorForm } from "./requests.ts";
import { dotnetMultipart, json, type Sent, urlencoded } from "./request-bodies.ts";

let broker: OAuthBroker;
beforeAll(async () => {
  broker = await startOAuthBroker();
});
afterAll(() => broker?.close());

/** That a token is what upstream handed out for a connection, by asking upstream. */
async function usable({ json: { access_token: token } }: Answer, id: string): Promise<boolean> {
  const url = `${broker.simulator.url}/api/v1/${accountOf(id).scope}/CO/Customers`;
  return (await fetch(url, { headers: { authorization: `Bearer ${token}` } })).ok;
}

/** A body of RFC 6749 §5.1. */
const tokenBody = (id: string) => ({
  access_token: expect.stringMatching(/^eyJ/),
  token_type: "Bearer",
  expires_in: expect.toSatisfy((seconds: number) => Number.isInteger(seconds) && seconds > 3500 && seconds <= 3600),
  scope: accountOf(id).scope,
});

describe("the vendor's wire", () => {
  test.each<[string, (credential: string) => Sent]>([
    ["multipart", (credential) => vendorForm(credential)],
    [".NET's multipart", (credential) => dotnetMultipart(vendorFields(credential))],
    [
      "multipart without a boundary parameter",
      (credential) => ({ ...vendorForm(credential), headers: { "content-type": "multipart/form-data" } }),
    ],
    ["a urlencoded form", (credential) => urlencoded(vendorFields(credential))],
  ])("gives a caller with a key a token and its refresh token, for %s", async (_, sent) => {
    const answer = await broker.ask(vendorRoute, sent(fakeCallerKey("old-php")));

    expect(answer.json).toEqual({
      ...tokenBody("webapicorso"),
      refresh_token: `stbr.webapicorso.${fakeCallerKey("old-php")}`,
    });
    expect([answer.status, await usable(answer, "webapicorso")]).toEqual([200, true]);
  });

  test("gives the bearer of a JWT a token, and no refresh token", async () => {
    const answer = await broker.ask(vendorRoute, vendorForm(broker.issuer.token()));

    expect(answer.json).toEqual(tokenBody("webapicorso"));
  });

  test("takes the second of two keys, while one replaces the other", async () => {
    const { status, json: body } = await broker.ask(vendorRoute, vendorForm(fakeCallerKey("old-php-next")));

    expect([status, body.refresh_token]).toEqual([200, `stbr.webapicorso.${fakeCallerKey("old-php-next")}`]);
  });

  test("gives of two connections the one that username and scope name", async () => {
    const key = fakeCallerKey("back-office");
    const first = await broker.ask(vendorRoute, vendorForm(key, "webapicorso"));
    const second = await broker.ask(vendorRoute, vendorForm(key, "other"));

    expect([first.json.scope, second.json.scope]).toEqual(["webapicorso_alywebapicorso", "other_alyother"]);
    expect([await usable(first, "webapicorso"), await usable(second, "other")]).toEqual([true, true]);
  });

  test.each([
    ["another's username", { username: "admin_other", scope: "webapicorso_alywebapicorso" }],
    ["another's scope", { username: "admin_webapicorso", scope: "other_alyother" }],
    ["another's connection", accountOf("other")],
  ])("refuses %s", async (_, account) => {
    const token = `Bearer ${fakeCallerKey("old-php")}`;

    const answer = await broker.ask(vendorRoute, urlencoded({ ...account, token }));

    expect([answer.status, answer.json.error]).toEqual([400, "invalid_scope"]);
  });

  test("does not read JSON: the vendor's does not either", async () => {
    const answer = await broker.ask(vendorRoute, json(vendorFields(fakeCallerKey("old-php"))));

    expect([answer.status, answer.json.error]).toEqual([400, "invalid_request"]);
  });
});

describe("client_credentials", () => {
  const grant = { grant_type: "client_credentials" };

  test("are taken from the Authorization header", async () => {
    const answer = await broker.ask(oauthRoute, urlencoded(grant), basic("old-php", fakeCallerKey("old-php")));

    expect([answer.status, answer.json]).toEqual([
      200,
      { ...tokenBody("webapicorso"), refresh_token: expect.stringMatching(/^stbr\.webapicorso\./) },
    ]);
  });

  test("are taken from the body", async () => {
    const client = { client_id: "old-php", client_secret: fakeCallerKey("old-php") };

    const answer = await broker.ask(oauthRoute, urlencoded({ ...grant, ...client }));

    expect([answer.status, await usable(answer, "webapicorso")]).toEqual([200, true]);
  });

  test("are taken from the assertion of a trusted issuer", async () => {
    const answer = await broker.ask(oauthRoute, assertion(broker.issuer.token()));

    expect([answer.status, answer.json]).toEqual([200, tokenBody("webapicorso")]);
  });

  test.each([
    ["other", 200],
    ["other_alyother", 200],
    ["", 400],
    ["third", 400],
    ["other webapicorso", 400],
  ])("of a caller with two connections name one in scope: %j is %d", async (scope, status) => {
    const answer = await broker.ask(
      oauthRoute,
      urlencoded({ ...grant, scope }),
      basic("back-office", fakeCallerKey("back-office")),
    );

    expect([answer.status, answer.json.scope ?? answer.json.error]).toEqual([
      status,
      status === 200 ? "other_alyother" : "invalid_scope",
    ]);
  });
});

describe("token exchange", () => {
  test("gives a user's application a token for the user's connection, as RFC 8693 has it", async () => {
    const answer = await broker.ask(oauthRoute, exchange(broker.issuer.token(userClaims("other"))));

    expect([answer.status, answer.json]).toEqual([
      200,
      { ...tokenBody("other"), issued_token_type: "urn:ietf:params:oauth:token-type:access_token" },
    ]);
    expect(await usable(answer, "other")).toBe(true);
  });

  test("of a user with two connections wants one named in scope", async () => {
    const token = broker.issuer.token(userClaims("webapicorso", "other"));

    const [none, one] = [
      await broker.ask(oauthRoute, exchange(token)),
      await broker.ask(oauthRoute, exchange(token, { scope: "other" })),
    ];

    expect([none.json.error, one.json.scope]).toEqual(["invalid_scope", "other_alyother"]);
  });
});

describe("a refresh", () => {
  const refresh = (token: string, more = {}) => json({ grant_type: "refresh_token", refresh_token: token, ...more });
  const handle = async () =>
    (await broker.ask(vendorRoute, vendorForm(fakeCallerKey("old-php")))).json.refresh_token as string;

  test("in the vendor's JSON gives a token for what the vendor's wire handed out, and itself again", async () => {
    const token = await handle();

    const answer = await broker.ask(oauthRoute, refresh(token));

    expect([answer.status, answer.json]).toEqual([200, { ...tokenBody("webapicorso"), refresh_token: token }]);
  });

  test("is OAuth's too, form-encoded, whatever client it says that it is", async () => {
    const form = { grant_type: "refresh_token", refresh_token: await handle(), client_id: "old-php" };

    expect(await broker.ask(oauthRoute, urlencoded(form))).toMatchObject({ status: 200 });
  });

  test("is never Smart Services' own, neither way", async () => {
    const id = "webapicorso";
    await handle();
    const own = (await broker.table.raw(id))?.["refreshToken"]?.S ?? "none is stored";

    const answer = await broker.ask(oauthRoute, refresh(own));

    expect([answer.status, answer.json.error]).toEqual([400, "invalid_grant"]);
    expect(own).toMatch(/^fake-refresh-/);
    expect((await broker.ask(oauthRoute, refresh(await handle()))).text).not.toContain(own);
  });
});
