import { afterAll, beforeAll, expect, it } from "vitest";
import { sha256Hex } from "../../functions/auth-core/rules/fingerprint.ts";
import { startTableProxy } from "../../fixtures/table-proxy.ts";
import { tokenEvent } from "../../fixtures/token-event.ts";
import { type Broker, startBroker } from "./harness.ts";

// The responses are in test/openapi/responses.test.ts.
let broker: Broker;
beforeAll(async () => {
  broker = await startBroker();
});
afterAll(() => broker?.close());

it("the token function serves its first request with one read of the table, without the SDK, and then from memory", async () => {
  const { id } = await broker.connection();
  const first = await broker.ask(tokenEvent(id));
  const proxy = await startTableProxy(broker.table.config.endpoint);
  const ask = await broker.environment({ AWS_ENDPOINT_URL_DYNAMODB: proxy.url });

  const answers = [await ask(tokenEvent(id)), await ask(tokenEvent(id))];

  expect(answers.map(({ json }) => json.access_token)).toEqual(Array(2).fill(first.json.access_token));
  expect(proxy.requests).toMatchObject([{ operation: "GetItem", userAgent: "smart-token-broker" }]);
  await proxy.close();
});

it("the token function counts reports of the only active token by role, for each of its sessions", async () => {
  const { id } = await broker.connection({ singleActiveToken: true });
  const { json } = await broker.ask(tokenEvent(id));
  const stored = await broker.table.raw(id);
  await broker.table.put({ ...stored, attemptedAt: { N: "0" } });

  const post = JSON.stringify({ rejected_token_sha256: sha256Hex(json.access_token) });
  const role = "arn:aws:sts::123456789012:assumed-role/orders";
  await broker.ask(tokenEvent(id, { post, userArn: `${role}/session-2` }));

  expect((await broker.table.raw(id))?.["rejectionReports"]).toHaveProperty(["M", sha256Hex(role).slice(0, 16)]);
});

it("the token function logs the stack of an unexpected error", async () => {
  // A table without the expected key rejects the request itself, which no rule foresees.
  const ask = await broker.environment({ BROKER_TABLE_NAME: "x" });
  const event = tokenEvent("webapicorso");
  const { requestId } = event.requestContext;

  await ask(event);

  const lines = await broker.linesWhere((line) => line["requestId"] === requestId && line["error"]);
  expect(lines).toHaveLength(1);
  expect(lines[0]?.["error"].stack).toMatch(/ValidationException[^]*\.mjs:/);
});
