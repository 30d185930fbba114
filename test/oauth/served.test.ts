import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { metadataRoute, type OAuthBroker, oauthRoute, startOAuthBroker, vendorRoute } from "./oauth-broker.ts";
import { fakeCallerKey, userClaims } from "./callers.ts";
import { basic, clientCredentials, exchange, exchangeGrant, vendorFields, vendorForm } from "./requests.ts";
import { urlencoded } from "./request-bodies.ts";

let broker: OAuthBroker;
beforeAll(async () => {
  broker = await startOAuthBroker();
});
afterAll(() => broker?.close());

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

describe("rejected_token_sha256", () => {
  test("gets another token than the rejected one, at one call of upstream", async () => {
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

  test("is on the vendor's wire too", async () => {
    const fields = { ...vendorFields(fakeCallerKey("old-php")), rejected_token_sha256: sha256("fake") };

    expect(await broker.ask(vendorRoute, urlencoded(fields))).toMatchObject({ status: 200 });
    expect(await broker.ask(vendorRoute, urlencoded({ ...fields, rejected_token_sha256: "fake" }))).toMatchObject({
      status: 400,
      json: { error: "invalid_request" },
    });
  });
});

describe("a served token", () => {
  test("costs no secret and no upstream call the second time, on whichever route", async () => {
    await broker.ask(vendorRoute, vendorForm(fakeCallerKey("old-php")));
    const before = broker.io();

    for (let i = 0; i < 3; i += 1) {
      await broker.ask(vendorRoute, vendorForm(fakeCallerKey("old-php")));
      await broker.ask(oauthRoute, clientCredentials(), basic("old-php", fakeCallerKey("old-php")));
    }

    expect(broker.io()).toEqual(before);
  });

  test("is not to be stored", async () => {
    for (const answer of [
      await broker.ask(vendorRoute, vendorForm(fakeCallerKey("old-php"))),
      await broker.ask(oauthRoute, exchange(broker.issuer.token(userClaims("other")))),
      await broker.ask(oauthRoute, exchange("fake")),
    ]) {
      expect(Object.fromEntries(answer.headers)).toMatchObject({
        "content-type": "application/json",
        "cache-control": "no-store",
        pragma: "no-cache",
      });
    }
  });
});

test("the metadata says where the token endpoint is, and what it takes", async () => {
  const { status, headers, json: metadata } = await broker.get(metadataRoute);

  expect([status, headers.get("content-type")]).toEqual([200, "application/json"]);
  expect(metadata).toMatchObject({
    issuer: broker.url,
    token_endpoint: `${broker.url}/oauth/token`,
    grant_types_supported: ["client_credentials", "refresh_token", exchangeGrant],
    token_endpoint_auth_methods_supported: expect.arrayContaining(["client_secret_basic", "client_secret_post"]),
  });
});
