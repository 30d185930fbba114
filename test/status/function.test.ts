import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { statusEvent } from "../../fixtures/status-event.ts";
import { startStatus } from "./status-function.ts";
import { storedItemAt } from "./items.ts";

// The form of each response is in test/openapi/responses.test.ts; that no token is printed, in the canaries.
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

  it("rejects a path that is not canonical without reading the table", async () => {
    const before = status.requests.length;

    const { statusCode, json } = await status.ask(
      statusEvent({ connection: "is-fresh", rawPath: "/v1/status/is%2Dfresh" }),
    );

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

  it("logs why the table does not answer", async () => {
    const ask = await status.environment({ AWS_ENDPOINT_URL_DYNAMODB: "http://127.0.0.1:1" });

    await ask(statusEvent());

    await expect.poll(() => status.printed.join("\n"), { timeout: 5000 }).toMatch(/table_unavailable.*ECONNREFUSED/);
  });
});
