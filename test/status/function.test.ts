import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startStatus, statusEvent } from "./status-function.ts";
import { storedItemAt, tokenSetAt } from "./items.ts";

let status: Awaited<ReturnType<typeof startStatus>>;
// The function has the machine's own clock.
const now = Date.now() / 1000;
const refused = { code: "credentials_rejected", detail: "Smart Services rejected the API key", at: now } as const;

beforeAll(async () => {
  status = await startStatus();
  const unavailable = { code: "upstream_unavailable", detail: "fake", at: now } as const;
  const notReady = { code: "connection_not_ready", detail: "the secret has no scope", at: now } as const;
  await status.put([
    storedItemAt(now, "is-fresh"),
    storedItemAt(now, "is-due", { tokenSet: tokenSetAt(now, { dueAt: now - 1 }) }),
    storedItemAt(now, "is-retrying", { failures: 1, retryAt: now + 600, lastError: unavailable }),
    storedItemAt(now, "is-rejected", { failures: 1, retryAt: now + 1800, lastError: refused }),
    storedItemAt(now, "is-expired", { tokenSet: tokenSetAt(now, { accessTokenExpiresAt: now - 1, dueAt: now - 9 }) }),
    storedItemAt(now, "is-not-ready", { tokenSet: undefined, failures: 1, retryAt: now + 900, lastError: notReady }),
  ]);
});
afterAll(() => status?.close());

describe("one connection", () => {
  it.each([
    ["is-fresh", "fresh", /^replacement by refresh token in (19|20) min$/],
    ["is-due", "due", /^replacement by refresh token within a minute$/],
    ["is-retrying", "retrying", /^retry by refresh token in (9|10) min$/],
    ["is-rejected", "rejected", /^retry by refresh token in (29|30) min$/],
    ["is-expired", "expired", /^replacement by refresh token within a minute$/],
    ["is-not-ready", "not_ready", /^retry by API key in (14|15) min$/],
  ])("%s: its state and its next action, in words and with its instant", async (connection, state, what) => {
    const { statusCode, headers, json } = await status.ask(statusEvent({ connection }));

    expect([statusCode, json.connection, json.state]).toEqual([200, connection, state]);
    expect(headers).toEqual({ "content-type": "application/json", "cache-control": "no-store" });
    expect(json.next_action).toEqual({
      what: expect.stringMatching(what),
      at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    });
  });

  it("says why it is not healthy", async () => {
    const { json } = await status.ask(statusEvent({ connection: "is-rejected" }));

    expect(json.last_error).toMatchObject({ code: refused.code, detail: refused.detail });
  });

  it("that nobody has asked for is 404", async () => {
    const { statusCode, headers, json } = await status.ask(statusEvent({ connection: "nobody" }));

    expect([statusCode, json.code]).toEqual([404, "unknown_connection"]);
    expect(headers["content-type"]).toBe("application/problem+json");
  });

  it.each([
    ["percent-encoded", "is-fresh", "/v1/status/is%2Dfresh"],
    ["in upper case", "IS-FRESH", "/v1/status/IS-FRESH"],
    ["with a double slash", "is-fresh", "/v1//status/is-fresh"],
    ["with a slash at its end", "is-fresh", "/v1/status/is-fresh/"],
    ["of another connection", "is-fresh", "/v1/status/is-due"],
  ])("is refused under a path that is not its canonical one: %s", async (_, connection, rawPath) => {
    const before = status.requests.length;

    const { statusCode, json } = await status.ask(statusEvent({ connection, rawPath }));

    expect([statusCode, json.code]).toEqual([400, "invalid_request"]);
    expect(status.requests).toHaveLength(before);
  });
});

describe("a secret", () => {
  it("is never read: each request of the table names its attributes, no token among them", async () => {
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
      expect(output).toContain("0123456789abcdef");
      expect(output).not.toMatch(/fake-access|fake-refresh/);
    }
  });

  it("is never shown or printed", async () => {
    const one = await status.ask(statusEvent({ connection: "is-fresh" }));
    const all = await status.ask(statusEvent());

    expect(all.json.connections).toHaveLength(6);
    expect(one.body + all.body + status.printed.join("\n")).not.toMatch(/fake-access|fake-refresh|fake-secret/);
  });
});

describe("while the table is down", () => {
  it.each([
    ["the list", statusEvent()],
    ["one connection", statusEvent({ connection: "is-fresh" })],
  ])("%s is 503 with Retry-After, and the log has the reason", async (_, event) => {
    const ask = await status.environment({ AWS_ENDPOINT_URL_DYNAMODB: "http://127.0.0.1:1" });

    const { statusCode, headers, json } = await ask(event);

    expect([statusCode, json.code, headers["retry-after"]]).toEqual([503, "unavailable", "1"]);
    await expect.poll(() => status.printed.join("\n"), { timeout: 5000 }).toMatch(/table_unavailable.*ECONNREFUSED/);
  });
});
