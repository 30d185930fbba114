import { afterAll, beforeAll, expect, it } from "vitest";
import { tokenEvent } from "../../fixtures/token-event.ts";
import { type Broker, type Line, startBroker } from "./harness.ts";

let broker: Broker;
beforeAll(async () => {
  broker = await startBroker();
});
afterAll(() => broker?.close());

const isOf = (requestId: string) => (line: Line) => line["requestId"] === requestId;

/** Every line of a request. The line of a later request proves that all of them have arrived. */
async function linesOf(requestId: string): Promise<Line[]> {
  const later = tokenEvent("later");
  await broker.ask(later);
  await broker.linesWhere(isOf(later.requestContext.requestId));
  return broker.linesWhere(isOf(requestId));
}

it("the log has one line for a served request, which is also its metrics, with these fields and no other", async () => {
  const { id } = await broker.connection();
  await broker.ask(tokenEvent("first"));
  const event = tokenEvent(id, { query: { min_ttl: "7" } });
  const { requestId } = event.requestContext;

  await broker.ask(event);

  expect(await linesOf(requestId)).toEqual([
    {
      _aws: {
        Timestamp: expect.any(Number),
        CloudWatchMetrics: [
          {
            Namespace: "SmartTokenBroker",
            Dimensions: [["service", "stage", "code", "source"]],
            Metrics: [{ Name: "Requests" }, { Name: "Duration" }, { Name: "Remaining" }],
          },
        ],
      },
      level: "INFO",
      message: "request",
      timestamp: expect.any(String),
      service: "token",
      stage: "test",
      requestId,
      route: "GET /v1/connections/{connection}/token",
      callerRole: "arn:aws:sts::123456789012:assumed-role/orders",
      connection: id,
      status: 200,
      code: "ok",
      source: "upstream",
      minTtl: 7,
      generation: 1,
      tokenFingerprint: expect.stringMatching(/^[0-9a-f]{16}$/),
      Requests: 1,
      Duration: expect.any(Number),
      Remaining: expect.any(Number),
    },
  ]);
});

it("the first request line of an environment, and no other, has coldStart and the milliseconds until it was loaded", async () => {
  const ask = await broker.environment();
  const [first, second] = [tokenEvent("nobody"), tokenEvent("nobody")];

  await ask(first);
  await ask(second);

  const [line] = await broker.linesWhere(isOf(first.requestContext.requestId));
  expect(line).toMatchObject({ coldStart: true, initMs: expect.any(Number) });
  expect(line?.["initMs"]).toBeGreaterThan(0);
  const [next] = await broker.linesWhere(isOf(second.requestContext.requestId));
  expect(next).toMatchObject({ message: "request" });
  expect(next).not.toHaveProperty("coldStart");
  expect(next).not.toHaveProperty("initMs");
});

it.each([
  ["a traced", 1, "1-fake-trace"],
  ["an untraced", 0, undefined],
])("the line of %s request has the trace, if there is one", async (_, sampled, trace) => {
  const ask = await broker.environment({ _X_AMZN_TRACE_ID: `Root=1-fake-trace;Parent=0fake;Sampled=${sampled}` });
  const event = tokenEvent("nobody");

  await ask(event);

  const [line] = await broker.linesWhere(isOf(event.requestContext.requestId));
  expect(line?.["xray_trace_id"]).toBe(trace);
});
