import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { accountOf } from "../support/function-environment.ts";
import { fakeCallerKey, userClaims } from "./callers.ts";
import { isAccepted, type OAuthBroker, oauthRoute, startOAuthBroker, vendorRoute } from "./oauth-broker.ts";
import { dotnetMultipart, json, type Sent, urlencoded } from "./request-bodies.ts";
import { basic, clientCredentials, exchange, vendorFields, vendorForm } from "./requests.ts";

let broker: OAuthBroker;
beforeAll(async () => {
  broker = await startOAuthBroker();
});
afterAll(() => broker?.close());

const key = fakeCallerKey("old-php");
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

const anyHandle = expect.stringMatching(/^stbr\.webapicorso\.[\w-]{43}$/) as string;

/** A token response (RFC 6749 §5.1). */
const tokenBody = (id: string) => ({
  access_token: expect.stringMatching(/^eyJ/),
  token_type: "Bearer",
  expires_in: expect.toSatisfy((seconds: number) => Number.isInteger(seconds) && seconds > 3500 && seconds <= 3600),
  scope: accountOf(id).scope,
});

describe("POST /api/v1/auth/token", () => {
  test.each<[string, (credential: string) => Sent]>([
    ["multipart", (credential) => vendorForm(credential)],
    [".NET's multipart", (credential) => dotnetMultipart(vendorFields(credential))],
    [
      "multipart without a boundary parameter",
      (credential) => ({ ...vendorForm(credential), headers: { "content-type": "multipart/form-data" } }),
    ],
    ["a urlencoded form", (credential) => urlencoded(vendorFields(credential))],
  ])("issues a token and a refresh token to a caller with a key that sends %s", async (_, sent) => {
    const answer = await broker.ask(vendorRoute, sent(key));

    expect(answer.json).toEqual({ ...tokenBody("webapicorso"), refresh_token: anyHandle });
    expect([answer.status, await isAccepted(broker, answer.json.access_token)]).toEqual([200, true]);
  });

  test("accepts the second key of a caller while one replaces the other", async () => {
    const { json: first } = await broker.ask(vendorRoute, vendorForm(key));
    const { status, json: body } = await broker.ask(vendorRoute, vendorForm(fakeCallerKey("old-php-next")));

    expect([status, body.refresh_token]).toEqual([200, anyHandle]);
    expect(body.refresh_token).not.toBe(first.refresh_token);
  });

  test.each(["webapicorso", "other"])(
    "issues the token of the connection that username and scope name: %s",
    async (id) => {
      const { json: body } = await broker.ask(vendorRoute, vendorForm(fakeCallerKey("back-office"), id));

      expect([body.scope, await isAccepted(broker, body.access_token, id)]).toEqual([accountOf(id).scope, true]);
    },
  );

  test.each([
    ["another connection's username", { ...accountOf("webapicorso"), username: "admin_other" }],
    ["another connection's scope", { ...accountOf("webapicorso"), scope: "other_alyother" }],
    ["another caller's connection", accountOf("other")],
  ])("rejects %s", async (_, account) => {
    const answer = await broker.ask(vendorRoute, urlencoded({ ...account, token: `Bearer ${key}` }));

    expect([answer.status, answer.json.error]).toEqual([400, "invalid_scope"]);
  });

  test("rejects JSON, as the vendor does", async () => {
    const answer = await broker.ask(vendorRoute, json(vendorFields(key)));

    expect([answer.status, answer.json.error]).toEqual([400, "invalid_request"]);
  });
});

describe("POST /oauth/token, for client_credentials,", () => {
  test.each([
    ["other", 200],
    ["other_alyother", 200],
    ["", 400],
    ["third", 400],
    ["other webapicorso", 400],
  ])("from a caller with two connections, responds to scope %j with %d", async (scope, status) => {
    const headers = basic("back-office", fakeCallerKey("back-office"));

    const answer = await broker.ask(oauthRoute, clientCredentials({ scope }), headers);

    expect([answer.status, answer.json.scope ?? answer.json.error]).toEqual([
      status,
      status === 200 ? "other_alyother" : "invalid_scope",
    ]);
    // RFC 6749 §4.4.3.
    expect(answer.json).not.toHaveProperty("refresh_token");
  });
});

describe("POST /oauth/token, for refresh_token,", () => {
  const refresh = (token: string) => json({ grant_type: "refresh_token", refresh_token: token });
  const handle = async () => (await broker.ask(vendorRoute, vendorForm(key))).json.refresh_token as string;

  test("accepts the refresh token of POST /api/v1/auth/token in the vendor's JSON, and returns it again", async () => {
    const token = await handle();

    const answer = await broker.ask(oauthRoute, refresh(token));

    expect([answer.status, answer.json]).toEqual([200, { ...tokenBody("webapicorso"), refresh_token: token }]);
  });

  test("neither accepts nor returns a refresh token of Smart Services", async () => {
    await handle();
    const own = (await broker.table.raw("webapicorso"))?.["refreshToken"]?.S ?? "none is stored";

    const answer = await broker.ask(oauthRoute, refresh(own));

    expect([answer.status, answer.json.error]).toEqual([400, "invalid_grant"]);
    expect(own).toMatch(/^fake-refresh-/);
    expect((await broker.ask(oauthRoute, refresh(await handle()))).text).not.toContain(own);
  });
});

describe("rejected_token_sha256", () => {
  test("gets another token than the rejected one, with one upstream call", async () => {
    const { id } = await broker.connection();
    const token = broker.issuer.token(userClaims(id));
    const { json: first } = await broker.ask(oauthRoute, exchange(token));
    await broker.table.put({ ...(await broker.table.raw(id)), attemptedAt: { N: "0" } });
    const before = broker.io();

    const rejected = { rejected_token_sha256: sha256(first.access_token) };
    const second = await broker.ask(oauthRoute, exchange(token, rejected));
    const third = await broker.ask(oauthRoute, exchange(token, rejected));

    expect([second.status, third.status]).toEqual([200, 200]);
    expect(second.json.access_token).not.toBe(first.access_token);
    expect(third.json.access_token).toBe(second.json.access_token);
    expect(broker.io().upstream - before.upstream).toBe(1);
  });

  test("is read from the vendor's form too", async () => {
    const fields = { ...vendorFields(key), rejected_token_sha256: sha256("fake") };

    expect(await broker.ask(vendorRoute, urlencoded(fields))).toMatchObject({ status: 200 });
    expect(await broker.ask(vendorRoute, urlencoded({ ...fields, rejected_token_sha256: "fake" }))).toMatchObject({
      status: 400,
      json: { error: "invalid_request" },
    });
  });
});

test("Both token endpoints serve a known token without reading the table or a secret and without an upstream call", async () => {
  await broker.ask(vendorRoute, vendorForm(key));
  const before = broker.io();

  for (let i = 0; i < 3; i += 1) {
    await broker.ask(vendorRoute, vendorForm(key));
    await broker.ask(oauthRoute, clientCredentials(), basic("old-php", key));
  }

  expect(broker.io()).toEqual(before);
});
