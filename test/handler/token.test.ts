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
