import { afterAll, beforeAll, expect, test } from "vitest";
import { fakeCallerKey } from "./callers.ts";
import { isAccepted, type OAuthBroker, oauthRoute, startOAuthBroker, vendorRoute } from "./oauth-broker.ts";
import { json } from "./request-bodies.ts";
import { basic, clientCredentials, vendorForm } from "./requests.ts";

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
