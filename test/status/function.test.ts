import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { statusEvent } from "./event.ts";
import { startStatus } from "./status-function.ts";
import { storedItemAt } from "./items.ts";

let status: Awaited<ReturnType<typeof startStatus>>;
// The function uses the machine's clock.
const now = Date.now() / 1000;
const rejected = { code: "credentials_rejected", detail: "fake", at: now } as const;

beforeAll(async () => {
  status = await startStatus();
  await status.put([
    { ...storedItemAt(now, "is-fresh"), refreshHandles: { M: { fedcba9876543210: { S: "fake-handle-1" } } } },
    storedItemAt(now, "is-rejected", { failures: 1, retryAt: now + 1800, lastError: rejected }),
  ]);
});
afterAll(() => status?.close());

describe("GET /v1/status/{connection}", () => {
  it.each([
    ["is-fresh", "fresh", /^replacement by refresh token in (19|20) min$/, undefined],
    ["is-rejected", "rejected", /^retry by refresh token in (29|30) min$/, rejected.code],
  ])("responds for %s with its state, its next action and its last error", async (connection, state, what, code) => {
    const { statusCode, headers, json } = await status.ask(statusEvent({ connection }));

    expect([statusCode, json.connection, json.state, json.last_error?.code]).toEqual([200, connection, state, code]);
    expect(headers).toEqual({ "content-type": "application/json", "cache-control": "no-store" });
    expect(json.next_action).toEqual({
      what: expect.stringMatching(what),
      at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    });
  });

  it("responds with 404 for a connection without an item", async () => {
    const { statusCode, headers, json } = await status.ask(statusEvent({ connection: "nobody" }));

    expect([statusCode, json.code]).toEqual([404, "unknown_connection"]);
    expect(headers["content-type"]).toBe("application/problem+json");
  });

  it.each([
    ["percent-encoded", "is-fresh", "/v1/status/is%2Dfresh"],
    ["in upper case", "IS-FRESH", "/v1/status/IS-FRESH"],
    ["with a double slash", "is-fresh", "/v1//status/is-fresh"],
    ["with a trailing slash", "is-fresh", "/v1/status/is-fresh/"],
    ["of another connection", "is-fresh", "/v1/status/is-due"],
  ])("rejects a path that is not canonical without reading the table: %s", async (_, connection, rawPath) => {
    const before = status.requests.length;

    const { statusCode, json } = await status.ask(statusEvent({ connection, rawPath }));

    expect([statusCode, json.code]).toEqual([400, "invalid_request"]);
    expect(status.requests).toHaveLength(before);
  });
});

describe("The status function", () => {
  it("reads no token: each table request names its attributes, without the tokens", async () => {
    const before = status.requests.length;

    await status.ask(statusEvent({ connection: "is-fresh" }));
    await status.ask(statusEvent());

    const made = status.requests.slice(before);
    expect(made.map(({ operation }) => operation)).toEqual(["GetItem", "Scan"]);
    for (const { input, output } of made) {
      const names = input.ProjectionExpression?.split(", ").map((name) => input.ExpressionAttributeNames?.[name]);
      expect(names).toContain("accessTokenExpiresAt");
      expect(names).not.toContain("accessToken");
      expect(names).not.toContain("refreshToken");
      expect(names).not.toContain("refreshHandles");
      expect(output).toContain("0123456789abcdef");
      expect(output).not.toMatch(/fake-access|fake-refresh|fake-handle/);
    }
  });

  it("never returns or prints a token", async () => {
    const one = await status.ask(statusEvent({ connection: "is-fresh" }));
    const all = await status.ask(statusEvent());

    expect(all.json.connections).toHaveLength(2);
    expect(one.body + all.body + status.printed.join("\n")).not.toMatch(
      /fake-access|fake-refresh|fake-handle|fake-secret/,
    );
  });
});

describe("The status function, while the table does not answer,", () => {
  it.each([
    ["the list", statusEvent()],
    ["one connection", statusEvent({ connection: "is-fresh" })],
  ])("responds to a request for %s with 503 and Retry-After, and logs the reason", async (_, event) => {
    const ask = await status.environment({ AWS_ENDPOINT_URL_DYNAMODB: "http://127.0.0.1:1" });

    const { statusCode, headers, json } = await ask(event);

    expect([statusCode, json.code, headers["retry-after"]]).toEqual([503, "unavailable", "1"]);
    await expect.poll(() => status.printed.join("\n"), { timeout: 5000 }).toMatch(/table_unavailable.*ECONNREFUSED/);
  });
});
