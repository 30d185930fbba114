import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { userClaims } from "./callers.ts";
import { discoveryPath } from "./issuer.ts";
import { type OAuthBroker, oauthRoute, startOAuthBroker } from "./oauth-broker.ts";
import { basic, clientCredentials, exchange } from "./requests.ts";

// The responses to every failure of the broker and every OAuth error are in test/openapi/responses.test.ts.
let broker: OAuthBroker;
beforeAll(async () => {
  broker = await startOAuthBroker();
});
afterAll(() => broker?.close());

test("POST /oauth/token responds with unavailable, without other I/O, while an issuer is down and its keys are unknown", async () => {
  const other = await startOAuthBroker();
  onTestFinished(() => other.close());
  other.issuer.instead.set(discoveryPath, (_, response) => response.writeHead(503).end());
  const before = other.io();

  const { status, headers, json } = await other.ask(
    oauthRoute,
    exchange(other.issuer.token(userClaims("webapicorso"))),
  );

  expect([status, json]).toEqual([
    503,
    {
      error: "temporarily_unavailable",
      code: "unavailable",
      error_description: expect.stringContaining("issuer of the JWT does not answer"),
      request_id: headers.get("apigw-requestid"),
    },
  ]);
  expect(headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
  expect(other.io()).toEqual(before);
});

describe("A 401 of POST /oauth/token", () => {
  const challenge = 'Basic realm="smart-token-broker", charset="UTF-8"';

  test.each([
    [
      "has a challenge for a wrong secret in the Authorization header",
      clientCredentials(),
      basic("old-php", "fake"),
      challenge,
    ],
    ["has a challenge for a header that is not valid", clientCredentials(), { authorization: "Basic fake" }, challenge],
    ["has a challenge for another scheme", clientCredentials(), { authorization: "Bearer fake" }, challenge],
    [
      "has no challenge for a wrong secret in the body",
      clientCredentials({ client_id: "old-php", client_secret: "fake" }),
      {},
      null,
    ],
    ["has no challenge for a request without a credential", clientCredentials(), {}, null],
  ])("%s", async (_, sent, headers, expected) => {
    const answer = await broker.ask(oauthRoute, sent, headers);

    expect([answer.status, answer.json.error]).toEqual([401, "invalid_client"]);
    expect(answer.headers.get("www-authenticate")).toBe(expected);
  });
});
