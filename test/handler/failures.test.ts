import { afterAll, beforeAll, expect, test } from "vitest";
import { problemDetails } from "../../functions/auth-core/http/response.ts";
import { tokenEvent } from "./event.ts";
import { type Broker, startBroker } from "./harness.ts";

// The responses to every failure are in test/openapi/responses.test.ts.
let broker: Broker;
beforeAll(async () => {
  broker = await startBroker();
});
afterAll(() => broker?.close());

test("A problem has the request's id", async () => {
  const event = tokenEvent("nobody");

  const { json } = await broker.ask(event);

  expect(json).toMatchObject({ code: "unknown_connection", request_id: event.requestContext.requestId });
});

test("An exception is logged with its stack under the request's id, and the caller learns nothing of its cause", async () => {
  // DynamoDB refuses this table name, which the broker does not expect.
  const ask = await broker.environment({ BROKER_TABLE_NAME: "x" });
  const event = tokenEvent("webapicorso");
  const { requestId } = event.requestContext;

  const { statusCode, headers, body, json } = await ask(event);

  expect([statusCode, json.code, json.request_id]).toEqual([500, "internal", requestId]);
  expect(headers["content-type"]).toBe("application/problem+json");
  expect(body).not.toMatch(/Exception|Error|\bat \b|node_modules|\.mjs|tableName|DynamoDB/);
  const lines = await broker.linesWhere((line) => line["requestId"] === requestId && line["error"]);
  expect(lines).toHaveLength(1);
  expect(lines[0]?.["error"].stack).toContain("index.mjs");
});

test.each([
  [0, "1"],
  [0.2, "1"],
  [4.1, "5"],
  [300, "300"],
])("Retry-After of %d s is %s: rounded up, at least 1", (retryAfter, header) => {
  const { headers } = problemDetails({ code: "upstream_unavailable", detail: "fake", retryAfter }, "fake-request");

  expect(headers["retry-after"]).toBe(header);
});
