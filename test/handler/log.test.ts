import { afterAll, beforeAll, expect, test } from "vitest";
import { tokenEvent } from "./event.ts";
import { type Broker, type Line, startBroker } from "./harness.ts";

let broker: Broker;
beforeAll(async () => {
  broker = await startBroker();
});
afterAll(() => broker?.close());

const isOf = (requestId: string) => (line: Line) => line["requestId"] === requestId;

/** Every line of a request, once the line of a later one is there: none of its own can still be on its way. */
async function linesOf(requestId: string): Promise<Line[]> {
  const later = tokenEvent("later");
  await broker.ask(later);
  await broker.linesWhere(isOf(later.requestContext.requestId));
  return broker.linesWhere(isOf(requestId));
}

test("a request that was answered is one line, with these fields and no other", async () => {
  const { id } = await broker.connection();
  const event = tokenEvent(id, { query: { min_ttl: "7" } });
  const { requestId } = event.requestContext;

  await broker.ask(event);

  expect(await linesOf(requestId)).toEqual([
    {
      level: "INFO",
      message: "request",
      timestamp: expect.any(String),
      service: "token",
      stage: "test",
      sampling_rate: 0,
      requestId,
      route: "GET /v1/connections/{connection}/token",
      callerRole: "arn:aws:sts::123456789012:assumed-role/orders",
      connection: id,
      status: 200,
      code: "ok",
      source: "upstream",
      minTtl: 7,
      remainingSeconds: expect.any(Number),
      generation: 1,
      tokenFingerprint: expect.stringMatching(/^[0-9a-f]{16}$/),
      durationMs: expect.any(Number),
    },
  ]);
});

test("a request that failed is one line too, with its code", async () => {
  const event = tokenEvent("nobody");
  const { requestId } = event.requestContext;

  await broker.ask(event);

  expect(await linesOf(requestId)).toEqual([
    expect.objectContaining({ message: "request", status: 404, code: "unknown_connection", source: "none" }),
  ]);
});

test("of a request that is wrong, the line says what is wrong with it", async () => {
  const event = tokenEvent("nobody", { query: { min_ttl: "fake-ttl" } });

  const { body } = await broker.ask(event);

  const [line] = await broker.linesWhere(isOf(event.requestContext.requestId));
  expect(line).toMatchObject({ status: 400, detail: JSON.parse(body).detail });
  expect(line?.["detail"]).toMatch(/^min_ttl must be/);
});

test.each([
  ["an assumed role, without its session", "arn:aws:sts::123456789012:assumed-role/a/s", "…:assumed-role/a"],
  ["a session with a slash in it", "arn:aws:sts::123456789012:assumed-role/a/s/t", "…:assumed-role/a"],
  ["a user, as it is", "arn:aws:iam::123456789012:user/path/orders", "…:user/path/orders"],
])("who asked is %s", async (_, userArn, role) => {
  const event = tokenEvent("nobody", { userArn });

  await broker.ask(event);

  const [line] = await broker.linesWhere(isOf(event.requestContext.requestId));
  expect(line?.["callerRole"].replace(/^arn:aws:\w+::123456789012/, "…")).toBe(role);
});

test("metrics are in the broker's namespace, and of the connection they know no dimension", async () => {
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

test("no secret is printed or told in an error: not in an exchange, a refresh, or a refusal of either", async () => {
  const { id, apiKey } = await broker.connection();
  const secrets = new Set([apiKey, "fake-session-token"]);
  const answers: string[] = [];
  /** Asks in an environment without a memory, for a token that ran out a moment ago. */
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
  const said = [...broker.output, ...answers].join("\n");
  for (const secret of secrets) {
    expect(said.includes(secret)).toBe(false);
    // A cut or encoded form of it would be one all the same.
    expect(said.includes(secret.slice(-24))).toBe(false);
    expect(said.includes(Buffer.from(secret).toString("base64").slice(0, 40))).toBe(false);
  }
});
