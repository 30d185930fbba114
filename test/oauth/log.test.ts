import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type Answer, type OAuthBroker, oauthRoute, startOAuthBroker, vendorRoute } from "./oauth-broker.ts";
import { fakeCallerKey, userClaims } from "./callers.ts";
import { assertion, basic, clientCredentials, exchange, vendorForm } from "./requests.ts";
import { json } from "./request-bodies.ts";

let broker: OAuthBroker;
let handle: string;
beforeAll(async () => {
  broker = await startOAuthBroker();
  handle = (await broker.ask(vendorRoute, vendorForm(key))).json.refresh_token;
});
afterAll(() => broker?.close());
afterEach(() => broker.simulator.setScenario({ mode: "ok" }));

const key = fakeCallerKey("old-php");

test("The log has one line for a served request, with the caller's name, these fields and no others", async () => {
  const { id } = await broker.connection();

  const answer = await broker.ask(oauthRoute, exchange(broker.issuer.token(userClaims(id))));

  expect(await broker.lineOf(answer)).toEqual({
    _aws: expect.any(Object),
    level: "INFO",
    message: "request",
    timestamp: expect.any(String),
    service: "oauth",
    stage: "test",
    requestId: answer.headers.get("apigw-requestid"),
    route: `POST ${oauthRoute}`,
    callerRole: "portal",
    connection: id,
    status: 200,
    code: "ok",
    source: "upstream",
    minTtl: 60,
    generation: 1,
    tokenFingerprint: expect.stringMatching(/^[0-9a-f]{16}$/),
    Requests: 1,
    Duration: expect.any(Number),
    Remaining: expect.any(Number),
  });
});

test.each<[string, string, string, () => Promise<Answer>]>([
  ["a key in the header", "old-php", "ok", () => broker.ask(oauthRoute, clientCredentials(), basic("old-php", key))],
  [
    "a refresh handle",
    "old-php",
    "ok",
    () => broker.ask(oauthRoute, json({ grant_type: "refresh_token", refresh_token: handle })),
  ],
  ["a pipeline's assertion", "deploy-ci", "ok", () => broker.ask(oauthRoute, assertion(broker.issuer.token()))],
  ["a user's JWT", "portal", "ok", () => broker.ask(oauthRoute, exchange(broker.issuer.token(userClaims("other"))))],
  [
    "a key for another caller's connection",
    "erp",
    "invalid_scope",
    () => broker.ask(vendorRoute, vendorForm(fakeCallerKey("erp"))),
  ],
  ["an unknown key", "unknown", "invalid_client", () => broker.ask(vendorRoute, vendorForm(fakeCallerKey("nobody")))],
  ["no credential", "unknown", "invalid_request", () => broker.ask(vendorRoute, json({}))],
])("The log line for %s names the caller %s and the code %s", async (_, callerRole, code, ask) => {
  expect(await broker.lineOf(await ask())).toMatchObject({ callerRole, code, service: "oauth" });
});

test("The log line for a failure names the caller, the connection and the code", async () => {
  const { id, apiKey } = await broker.connection();
  broker.simulator.revokeKey(apiKey);

  const answer = await broker.ask(oauthRoute, exchange(broker.issuer.token(userClaims(id))));

  const expected = { status: 502, code: "credentials_rejected", callerRole: "portal", connection: id };
  expect(await broker.lineOf(answer)).toMatchObject(expected);
});

test("The log line for an invalid request has the error description and nothing that was sent", async () => {
  const answer = await broker.ask(oauthRoute, json({ grant_type: "fake-grant" }));

  const line = await broker.lineOf(answer);
  expect(line).toMatchObject({ status: 400, detail: answer.json.error_description });
  expect(line["detail"]).toMatch(/^grant_type must be one of/);
});
