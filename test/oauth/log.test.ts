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

test("Metrics are in the broker's namespace, without a dimension for caller or connection", async () => {
  await broker.lineOf(await broker.ask(vendorRoute, vendorForm(key)));

  const metrics = broker.output.filter((line) => line.includes('"_aws"')).map((line) => JSON.parse(line));

  expect(metrics).not.toHaveLength(0);
  for (const line of metrics) {
    const { Namespace, Dimensions } = line["_aws"].CloudWatchMetrics[0];
    expect([Namespace, line.service]).toEqual(["SmartTokenBroker", "oauth"]);
    expect(Dimensions.map((names: string[]) => names.toSorted())).toEqual([["code", "service", "source", "stage"]]);
  }
});

test("No key, JWT, refresh handle or token is printed or returned in an error, whole or in part", async () => {
  const { id, apiKey } = await broker.connection();
  const jwts = [broker.issuer.token(userClaims(id)), broker.issuer.token(), broker.issuer.token({ aud: "other" })];
  const secrets = [apiKey, key, fakeCallerKey("nobody"), handle, ...jwts];
  const answers: Answer[] = [];
  const ask = async (...[route, sent, headers]: Parameters<OAuthBroker["ask"]>) => {
    const answer = await broker.ask(route, sent, headers);
    answers.push(answer);
    if (answer.status === 200) secrets.push(answer.json.access_token);
  };

  for (const credential of [key, fakeCallerKey("nobody"), handle, ...jwts]) {
    await ask(vendorRoute, vendorForm(credential));
    await ask(oauthRoute, clientCredentials(), basic("old-php", credential));
    await ask(oauthRoute, clientCredentials({ client_id: credential, client_secret: credential, scope: credential }));
    await ask(oauthRoute, assertion(credential));
    await ask(oauthRoute, exchange(credential, { scope: credential }));
    await ask(oauthRoute, json({ grant_type: "refresh_token", refresh_token: credential }));
    await ask(oauthRoute, json({ grant_type: credential, [credential]: credential }));
  }
  broker.simulator.setScenario({ mode: "refused" });
  await ask(oauthRoute, exchange(broker.issuer.token(userClaims((await broker.connection()).id))));
  for (const answer of answers) await broker.lineOf(answer);

  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 400, 401, 502]));
  const item = await broker.table.raw(id);
  secrets.push(item?.["refreshToken"]?.S ?? "none is stored");
  const refusals = answers.filter(({ status }) => status !== 200).map(({ text }) => text);
  const printed = [...broker.output, ...refusals].join("\n");
  for (const secret of new Set(secrets)) {
    expect(printed).not.toContain(secret);
    // A part or an encoded form would disclose it too.
    expect(printed).not.toContain(secret.slice(-24));
    expect(printed).not.toContain(Buffer.from(secret).toString("base64").slice(8, 48));
  }
});
