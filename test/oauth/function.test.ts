import { afterAll, beforeAll, expect, test } from "vitest";
import { fakeCallerKey, userClaims } from "./callers.ts";
import { isAccepted, type OAuthBroker, oauthRoute, startOAuthBroker, vendorRoute } from "./oauth-broker.ts";
import { json } from "./request-bodies.ts";
import { basic, clientCredentials, exchange, vendorForm } from "./requests.ts";

// The responses are in test/openapi/responses.test.ts; that no credential is printed, in the canaries.
let broker: OAuthBroker;
beforeAll(async () => {
  broker = await startOAuthBroker();
});
afterAll(() => broker?.close());

const key = fakeCallerKey("old-php");

test("Both token endpoints serve a known token without reading the table or a secret and without an upstream call", async () => {
  const first = await broker.ask(vendorRoute, vendorForm(key));
  expect(await isAccepted(broker, first.json.access_token)).toBe(true);
  const before = broker.io();

  for (let i = 0; i < 3; i += 1) {
    await broker.ask(vendorRoute, vendorForm(key));
    await broker.ask(oauthRoute, clientCredentials(), basic("old-php", key));
  }

  expect(broker.io()).toEqual(before);
});

test("A credential that is not accepted causes no I/O", async () => {
  const before = broker.io();

  const answers = [
    await broker.ask(vendorRoute, vendorForm(fakeCallerKey("nobody"))),
    await broker.ask(oauthRoute, exchange(broker.issuer.token({ sub: "repo:evil/shop:x" }))),
    await broker.ask(oauthRoute, json({ grant_type: "refresh_token", refresh_token: "fake-refresh-1" })),
  ];

  expect(answers.map(({ json: { error } }) => error)).toEqual(["invalid_client", "invalid_grant", "invalid_grant"]);
  expect(broker.io()).toEqual(before);
});

// All fields of a line: test/handler/log.test.ts.
test("The log has one line for a served request, with the caller's name", async () => {
  const { id } = await broker.connection();

  const answer = await broker.ask(oauthRoute, exchange(broker.issuer.token(userClaims(id))));

  const route = `POST ${oauthRoute}`;
  const served = { service: "oauth", route, callerRole: "portal", connection: id, status: 200, code: "ok", minTtl: 60 };
  expect(await broker.lineOf(answer)).toMatchObject(served);
});

test("The log line for a failure names the caller, the connection and the code", async () => {
  const { id, apiKey } = await broker.connection();
  broker.simulator.revokeKey(apiKey);

  const answer = await broker.ask(oauthRoute, exchange(broker.issuer.token(userClaims(id))));

  const expected = { status: 502, code: "credentials_rejected", callerRole: "portal", connection: id };
  expect(await broker.lineOf(answer)).toMatchObject(expected);
});

test("The log line for a rejected request names its caller, if one is known, and says what is wrong with it", async () => {
  const foreign = await broker.ask(vendorRoute, vendorForm(fakeCallerKey("erp")));
  const invalid = await broker.ask(oauthRoute, json({ grant_type: "fake-grant" }));

  expect(await broker.lineOf(foreign)).toMatchObject({ callerRole: "erp", code: "invalid_scope" });
  expect(await broker.lineOf(invalid)).toMatchObject({
    callerRole: "unknown",
    status: 400,
    detail: expect.stringMatching(/^grant_type must be one of/),
  });
});
