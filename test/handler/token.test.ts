import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { sha256Hex } from "../../functions/auth-core/rules/fingerprint.ts";
import { accountOf } from "../support/function-environment.ts";
import { startTableProxy } from "../support/table-proxy.ts";
import { tokenEvent } from "./event.ts";
import { type Broker, startBroker } from "./harness.ts";

let broker: Broker;
beforeAll(async () => {
  broker = await startBroker();
});
afterAll(() => broker?.close());
afterEach(() => broker.simulator.setScenario({ mode: "ok" }));

it("the token function returns a token in the documented form, with its true end, and forbids caching it", async () => {
  const { id } = await broker.connection();

  const { statusCode, headers, json } = await broker.ask(tokenEvent(id, { query: { min_ttl: "0", other: "x" } }));

  expect(statusCode).toBe(200);
  expect(headers).toEqual({ "content-type": "application/json", "cache-control": "no-store" });
  expect(json).toEqual({
    access_token: expect.stringMatching(/^eyJ/),
    token_type: "Bearer",
    expires_in: expect.any(Number),
    expires_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    scope: accountOf(id).scope,
    generation: 1,
  });
  const left = Date.parse(json.expires_at) / 1000 - Date.now() / 1000;
  expect(Math.abs(left - json.expires_in)).toBeLessThan(5);
  expect(json.expires_in).toBeGreaterThan(3500);
});

it("the token function serves its second request from memory, and another environment serves from the table", async () => {
  const { id } = await broker.connection();
  const exchanges = broker.simulator.counts.exchange;
  const events = [tokenEvent(id), tokenEvent(id), tokenEvent(id)] as const;

  const first = await broker.ask(events[0]);
  const second = await broker.ask(events[1]);
  const third = await (await broker.environment())(events[2]);

  expect([second.json.access_token, third.json.access_token]).toEqual(Array(2).fill(first.json.access_token));
  expect(broker.simulator.counts.exchange).toBe(exchanges + 1);
  const sources = events.map(async ({ requestContext: { requestId } }) => {
    const [line] = await broker.linesWhere((each) => each["requestId"] === requestId);
    return line?.["source"];
  });
  expect(await Promise.all(sources)).toEqual(["upstream", "memory", "table"]);
});

it("the token function answers the first request of an environment with one read of the table, without the SDK", async () => {
  const { id } = await broker.connection();
  await broker.ask(tokenEvent(id));
  const proxy = await startTableProxy(broker.table.config.endpoint);
  const ask = await broker.environment({ AWS_ENDPOINT_URL_DYNAMODB: proxy.url });

  expect((await ask(tokenEvent(id))).statusCode).toBe(200);

  expect(proxy.requests).toMatchObject([{ operation: "GetItem", userAgent: "smart-token-broker" }]);
  await proxy.close();
});

it("the token function counts the reports of a role's sessions together, if a token is the only active one", async () => {
  const { id } = await broker.connection({ singleActiveToken: true });
  let { json } = await broker.ask(tokenEvent(id));
  for (const session of ["session-1", "session-2"]) {
    const { rejectionReports, ...stored } = (await broker.table.raw(id)) ?? {};
    const [reporter = "none"] = Object.keys(rejectionReports?.M ?? {});
    // Ten minutes ago: its pause has ended, and it is not forgotten.
    const earlier = { M: { [reporter]: { M: { count: { N: "1" }, at: { N: String(Date.now() / 1000 - 600) } } } } };
    await broker.table.put({
      ...stored,
      attemptedAt: { N: "0" },
      ...(rejectionReports && { rejectionReports: earlier }),
    });
    const post = JSON.stringify({ rejected_token_sha256: sha256Hex(json.access_token) });
    ({ json } = await broker.ask(
      tokenEvent(id, { post, userArn: `arn:aws:sts::123456789012:assumed-role/orders/${session}` }),
    ));
  }

  const reporter = sha256Hex("arn:aws:sts::123456789012:assumed-role/orders").slice(0, 16);
  expect((await broker.table.raw(id))?.["rejectionReports"]).toEqual({
    M: { [reporter]: { M: { count: { N: "2" }, at: expect.anything() } } },
  });
});

it.each([
  ["min_ttl", { query: { min_ttl: "1801" } }],
  ["connection id", { rawPath: "/v1/connections/nob%6Fdy/token" }],
  ["rejected_token_sha256", { post: '{"rejected_token_sha256": "fake"}' }],
])("the token function rejects a request with a bad %s before it reads anything", async (what, request) => {
  const calls = new Map(broker.secrets.calls);

  const { statusCode, json } = await broker.ask(tokenEvent("nobody", request));

  expect(statusCode).toBe(400);
  expect(json).toMatchObject({ code: "invalid_request", detail: expect.stringContaining(what) });
  expect(broker.secrets.calls).toEqual(calls);
});

it("the token function returns an unexpected error as internal: the stack is in the log, not in the response", async () => {
  // A table without the expected key rejects the request itself, which no rule foresees.
  const ask = await broker.environment({ BROKER_TABLE_NAME: "x" });
  const event = tokenEvent("webapicorso");
  const { requestId } = event.requestContext;

  const { statusCode, headers, body, json } = await ask(event);

  expect([statusCode, json.code, json.request_id]).toEqual([500, "internal", requestId]);
  expect(headers["content-type"]).toBe("application/problem+json");
  expect(body).not.toMatch(/Exception|Error|\bat \b|node_modules|\.mjs|tableName|DynamoDB/);
  const lines = await broker.linesWhere((line) => line["requestId"] === requestId && line["error"]);
  expect(lines).toHaveLength(1);
  expect(lines[0]?.["error"].stack).toMatch(/ValidationException[^]*\.mjs:/);
});
