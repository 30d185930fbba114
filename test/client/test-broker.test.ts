import { expect, test } from "vitest";
import { TestBroker } from "../../packages/client/src/testing.ts";

test("TestBroker shows that no 401 waits for a report from before a freeze, and that its late answer changes nothing", async () => {
  const broker = new TestBroker();
  const client = broker.client();
  await client.token();
  await broker.advance(40);
  broker.rejectToken();
  const late = Promise.withResolvers<Response>();
  broker.state = () => late.promise;
  const interrupted = client.fetch("/customers");
  await broker.freeze(60);
  broker.state = "up";

  const { status } = await client.fetch("/customers");
  late.resolve(Response.json({ access_token: "fake-token-old", token_type: "Bearer", expires_in: 3600 }));
  await interrupted;

  expect(status).toBe(200);
  expect((await client.token()).accessToken).toBe("fake-token-2");
  expect(broker.requests.map(({ at, isReport }) => [at, isReport])).toEqual([
    [0, false],
    [40, true],
    [100, true],
  ]);
});

test("TestBroker shows that a call waits for the report in progress, although an interrupted one has ended", async () => {
  const broker = new TestBroker();
  const client = broker.client();
  await client.token();
  await broker.advance(40);
  broker.rejectToken();
  const late = Promise.withResolvers<Response>();
  broker.state = () => late.promise;
  const interrupted = client.fetch("/customers");
  await broker.freeze(60);
  broker.state = "silent";
  const inProgress = client.fetch("/customers");
  await broker.advance(1);
  late.resolve(Response.json({ code: "unavailable" }, { status: 503 }));
  await interrupted;

  const ended: string[] = [];
  const calls = [inProgress, client.fetch("/customers")].map(async (call) => ended.push(String((await call).status)));
  await broker.advance(13);
  const endedBefore = [...ended];
  await broker.advance(1);
  await Promise.all(calls);

  expect([endedBefore, ended]).toEqual([[], ["401", "401"]]);
  expect(broker.requests.map(({ at }) => at)).toEqual([0, 40, 100]);
});

test("TestBroker shows that a token that dies early is replaced, and that reports wait for Retry-After", async () => {
  const broker = new TestBroker();
  const client = broker.client();
  await client.token();
  broker.rejectToken();
  const statuses = [(await client.fetch("/x")).status];
  await broker.advance(29);
  statuses.push((await client.fetch("/x")).status);
  await broker.advance(1);
  statuses.push((await client.fetch("/x")).status);

  expect(statuses).toEqual([401, 401, 200]);
  expect(broker.requests.map(({ at, isReport }) => [at, isReport])).toEqual([
    [0, false],
    [0, true],
    [30, true],
  ]);
});

test("TestBroker answers with the user's API, also after a step of the clock, and names what it received", async () => {
  const broker = new TestBroker({ api: async (request) => new Response(await request.text(), { status: 201 }) });
  const client = broker.client();
  broker.stepClock(-600);

  const response = await client.fetch("/customers", { method: "POST", body: "fake-value" });

  expect([response.status, await response.text()]).toEqual([201, "fake-value"]);
  broker.state = () => Response.json({ message: "Too Many Requests" }, { status: 429 });
  await expect(client.connection("acme").token()).rejects.toMatchObject({ code: "gateway", status: 429 });
  broker.state = "nonsense";
  await broker.advance(1);
  await expect(client.connection("acme").token()).rejects.toMatchObject({ code: "malformed_response" });
  expect(broker.requests.map(({ connection }) => connection)).toEqual(["webapicorso", "acme", "acme"]);
});

test("TestBroker says that it cannot reject a token that it has not issued", () => {
  expect(() => new TestBroker().rejectToken("acme")).toThrow("acme has no token yet");
});
