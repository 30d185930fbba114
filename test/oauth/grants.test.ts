import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { accountOf } from "../support/function-environment.ts";
import { fakeCallerKey } from "./callers.ts";
import { isAccepted, type OAuthBroker, oauthRoute, startOAuthBroker, vendorRoute } from "./oauth-broker.ts";
import { dotnetMultipart, json, type Sent, urlencoded } from "./request-bodies.ts";
import { basic, clientCredentials, vendorFields, vendorForm } from "./requests.ts";

let broker: OAuthBroker;
beforeAll(async () => {
  broker = await startOAuthBroker();
});
afterAll(() => broker?.close());

const key = fakeCallerKey("old-php");
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

  test("rejects JSON, as the vendor does", async () => {
    const answer = await broker.ask(vendorRoute, json(vendorFields(key)));

    expect([answer.status, answer.json.error]).toEqual([400, "invalid_request"]);
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
