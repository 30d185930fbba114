import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { accountOf } from "../support/function-environment.ts";
import { tokenEvent } from "./event.ts";
import { type Broker, startBroker } from "./harness.ts";

let broker: Broker;
beforeAll(async () => {
  broker = await startBroker();
});
afterAll(() => broker?.close());

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

describe("a token", () => {
  test("is answered in the documented form, not to be stored, with its true end", async () => {
    const { id } = await broker.connection();

    const { statusCode, headers, json } = await broker.ask(tokenEvent(id));

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

  test("says where it is to be used, where that is registered", async () => {
    const { id } = await broker.connection({ apiBaseUrl: "https://api.example.com/v2/" });

    const { json } = await broker.ask(tokenEvent(id));

    expect(json.api_base_url).toBe("https://api.example.com/v2");
  });

  test("is fetched once: the second answer is from memory, another environment's from the table", async () => {
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

  test("that was reported as rejected is replaced, and the next answer is its successor", async () => {
    const { id } = await broker.connection();
    const { json: rejected } = await broker.ask(tokenEvent(id));
    const item = await broker.table.raw(id);
    await broker.table.put({ ...item, attemptedAt: { N: "0" } });

    const post = JSON.stringify({ rejected_token_sha256: sha256(rejected.access_token) });
    const { statusCode, json } = await broker.ask(tokenEvent(id, { post }));

    expect([statusCode, json.generation]).toEqual([200, 2]);
    expect(json.access_token).not.toBe(rejected.access_token);
  });
});

describe("min_ttl", () => {
  test.each(["0", "1", "60", "1800"])("may be %s", async (min_ttl) => {
    const { id } = await broker.connection();

    expect(await broker.ask(tokenEvent(id, { query: { min_ttl } }))).toMatchObject({ statusCode: 200 });
  });

  test.each(["", "-1", "+60", "1801", "99999", "1e3", "60.0", "0x10", "060", " 60", "60,60", "NaN", "٦٠"])(
    "may not be %j: 400 says which parameter is wrong, and nothing is asked for",
    async (min_ttl) => {
      const calls = new Map(broker.secrets.calls);

      const { statusCode, json } = await broker.ask(tokenEvent("nobody", { query: { min_ttl } }));

      expect(statusCode).toBe(400);
      expect(json).toMatchObject({ code: "invalid_request", detail: expect.stringContaining("min_ttl") });
      expect(broker.secrets.calls).toEqual(calls);
    },
  );

  test("is the only parameter: another one is ignored", async () => {
    const { id } = await broker.connection();
    const query = { min_ttl: "5", minTtl: "x", connection: "../other" };

    expect(await broker.ask(tokenEvent(id, { query }))).toMatchObject({ statusCode: 200 });
  });
});

describe("a path", () => {
  test.each([
    ["percent-encoded", "webapicorso", "/v1/connections/webapi%63orso/token"],
    ["with an encoded slash", "other/webapicorso", "/v1/connections/other%2Fwebapicorso/token"],
    ["encoded outside of the id", "webapicorso", "/v1/connections/webapicorso/%74oken"],
    ["in upper case", "WEBAPICORSO", "/v1/connections/WEBAPICORSO/token"],
    ["in upper case outside of the id", "webapicorso", "/V1/connections/webapicorso/token"],
    ["with a double slash", "webapicorso", "/v1//connections/webapicorso/token"],
    ["with a slash at its end", "webapicorso", "/v1/connections/webapicorso/token/"],
    ["with dots", "webapicorso", "/v1/connections/./webapicorso/token"],
    ["of another connection", "webapicorso", "/v1/connections/other/token"],
    ["of an id that is too long", "a".repeat(64), undefined],
    ["of an id that starts with a dash", "-a", undefined],
    ["of an id with a line break", "a\n", "/v1/connections/a%0A/token"],
    ["of no id", "", undefined],
  ])("%s is refused before anything is asked for", async (_, connection, rawPath) => {
    const calls = new Map(broker.secrets.calls);

    const { statusCode, json } = await broker.ask(tokenEvent(connection, rawPath ? { rawPath } : {}));

    expect(statusCode).toBe(400);
    expect(json).toMatchObject({ code: "invalid_request", detail: expect.stringContaining("connection id") });
    expect(broker.secrets.calls).toEqual(calls);
  });

  test("of the longest id there may be is not refused", async () => {
    const { json } = await broker.ask(tokenEvent("a".repeat(63)));

    expect(json.code).toBe("unknown_connection");
  });
});
