import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { statusEvent } from "../../fixtures/status-event.ts";
import { startStatus } from "./status-function.ts";
import { storedItemAt } from "./items.ts";

// The form of each response is in test/openapi/responses.test.ts; that no token is read, in test/infra/status-reads.test.ts.
let status: Awaited<ReturnType<typeof startStatus>>;
// The function uses the machine's clock.
const now = Date.now() / 1000;
const rejected = { code: "credentials_rejected", detail: "fake", at: now } as const;

beforeAll(async () => {
  status = await startStatus();
  await status.put([
    storedItemAt(now, "is-fresh"),
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
});

describe("The status function", () => {
  it("logs why the table does not answer", async () => {
    const ask = await status.environment({ AWS_ENDPOINT_URL_DYNAMODB: "http://127.0.0.1:1" });

    await ask(statusEvent());

    await expect.poll(() => status.printed.join("\n"), { timeout: 5000 }).toMatch(/table_unavailable.*ECONNREFUSED/);
  });
});
