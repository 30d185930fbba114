import { afterAll, beforeAll, expect, it } from "vitest";
import { tokenEvent } from "./event.ts";
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

it("the log has one line of a failed request, with its code", async () => {
  const event = tokenEvent("nobody");
  const { requestId } = event.requestContext;

  await broker.ask(event);

  expect(await linesOf(requestId)).toEqual([
    expect.objectContaining({ message: "request", status: 404, code: "unknown_connection", source: "none" }),
  ]);
});

it("the log says what is wrong with a bad request", async () => {
  const event = tokenEvent("nobody", { query: { min_ttl: "fake-ttl" } });

  const { body } = await broker.ask(event);

  const [line] = await broker.linesWhere(isOf(event.requestContext.requestId));
  expect(line).toMatchObject({ status: 400, detail: JSON.parse(body).detail });
  expect(line?.["detail"]).toMatch(/^min_ttl must be/);
});

it("metrics are in the namespace of the broker, and have no dimension for the connection", async () => {
  const { id } = await broker.connection();
  await broker.ask(tokenEvent(id));
  await broker.ask(tokenEvent("nobody"));

  const metrics = await broker.linesWhere((line) => "_aws" in line && line["connection"] === id);

  const requests = metrics.filter((line) => "Requests" in line);
  expect(requests).toEqual([
    expect.objectContaining({ service: "token", stage: "test", code: "ok", source: "upstream", Requests: 1 }),
  ]);
  expect(metrics.find((line) => "Replacements" in line)).toMatchObject({ code: "ok", source: "api_key" });
  for (const line of await broker.linesWhere((each) => "_aws" in each)) {
    const { Namespace, Dimensions } = line["_aws"].CloudWatchMetrics[0];
    expect(Namespace).toBe("SmartTokenBroker");
    expect(Dimensions.map((names: string[]) => names.toSorted())).toEqual([["code", "service", "source", "stage"]]);
  }
});

it("the log names a field with a pasted key as its name by its position and length only", async () => {
  const pastedKey = "fake-pasted-key-0123456789-0123456789-0123456789-0123456789";
  const { id } = await broker.connection({ [pastedKey]: "" });

  await broker.ask(tokenEvent(id));

  const [warning] = await broker.linesWhere(
    (line) => line["message"] === "registration_warning" && line["connection"] === id,
  );
  expect(warning?.["warning"]).toMatch(/^the secret's field \d+ \(a name of 59 characters\) is unknown and ignored$/);
  expect(broker.output.join("\n")).not.toContain(pastedKey);
});

it("the log and the response of a body of 6 MB say what is wrong with it", async () => {
  const event = tokenEvent("nobody", { post: "x".repeat(6_000_000) });

  const { statusCode, body } = await broker.ask(event);

  const detail = "The body is too large. Send at most 16384 bytes.";
  expect([statusCode, JSON.parse(body)]).toEqual([400, expect.objectContaining({ code: "invalid_request", detail })]);
  expect(await linesOf(event.requestContext.requestId)).toEqual([expect.objectContaining({ status: 400, detail })]);
});

it("the output and the errors contain no secret, after requests of both grants that succeed and that are rejected", async () => {
  const { id, apiKey } = await broker.connection();
  const secrets = new Set([apiKey, "fake-session-token"]);
  const answers: string[] = [];
  /** Sends a request to a new environment, for a token that has expired. */
  async function askAgain(): Promise<number> {
    const item = await broker.table.raw(id);
    for (const name of ["accessToken", "refreshToken"]) secrets.add(item?.[name]?.S ?? apiKey);
    const past = { N: "1" };
    await broker.table.put({ ...item, accessTokenExpiresAt: past, attemptedAt: past });
    const ask = await broker.environment();
    const { statusCode, body } = await ask(tokenEvent(id));
    if (statusCode !== 200) answers.push(body);
    return statusCode;
  }

  const exchanged = (await broker.ask(tokenEvent(id))).statusCode;
  const refreshed = await askAgain();
  broker.simulator.setScenario({ mode: "refused" });
  const refused = await askAgain();
  broker.simulator.setScenario({ mode: "ok" });

  expect([exchanged, refreshed, refused]).toEqual([200, 200, 502]);
  expect(broker.simulator.counts.refresh).toBe(2);
  await broker.linesWhere((line) => line["message"] === "refresh_failed" && line["connection"] === id);
  await broker.linesWhere((line) => line["status"] === 502 && line["connection"] === id);
  expect(secrets.size).toBeGreaterThan(4);
  const printed = [...broker.output, ...answers].join("\n");
  for (const secret of secrets) {
    expect(printed.includes(secret)).toBe(false);
    // A cut or encoded form is a leak too.
    expect(printed.includes(secret.slice(-24))).toBe(false);
    expect(printed.includes(Buffer.from(secret).toString("base64").slice(0, 40))).toBe(false);
  }
});
