import { expect, it } from "vitest";
import { parseTokenResponse, parseRetryAfter } from "../../functions/auth-core/rules/upstream/upstream-response.ts";
import { now } from "./examples.ts";

const body = '{"access_token":"fake-access-1"}';
const parse = (status: number, headers: { retryAfter?: string; date?: string } = {}) =>
  parseTokenResponse({ status, sentAt: now - 1, receivedAt: now, body, ...headers });
const httpDate = (instant: number) => new Date(instant * 1000).toUTCString();

const temporary = new Set([408, 425, 429]);
const statuses = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);

it("parseTokenResponse reads the body of every 2xx", () => {
  expect(statuses(200, 300).filter((status) => parse(status).kind !== "tokens")).toEqual([]);
});

it("parseTokenResponse calls every 4xx rejected, except three temporary ones", () => {
  for (const status of statuses(400, 500).filter((each) => !temporary.has(each))) {
    expect(parse(status)).toEqual({ kind: "rejected", status });
  }
});

it("parseTokenResponse calls 408, 425, 429 and every 5xx temporary, and only 429 a rate limit", () => {
  for (const status of [...temporary, ...statuses(500, 600)]) {
    expect(parse(status)).toEqual({
      kind: "temporary",
      reason: `HTTP ${status}`,
      rateLimited: status === 429,
    });
  }
});

it("parseTokenResponse calls redirects and informational statuses malformed, even with a token in the body", () => {
  for (const status of [0, 100, 101, 199, ...statuses(300, 400)]) {
    expect(parse(status)).toEqual({ kind: "malformed", shape: `HTTP ${status}` });
  }
});

it.each([
  ["seconds", "120", 120],
  ["white space around the seconds", " 7 ", 7],
  ["an instant that ends in digits", httpDate(now + 90).replace("GMT", "+0000"), 90],
  ["an instant that starts with digits", new Date((now + 90) * 1000).toISOString(), 90],
  ["a past instant", httpDate(now - 90), 0],
])("parseRetryAfter reads %s", (_, header, seconds) => {
  expect(parseRetryAfter(header, now)).toBe(seconds);
});

it.each([undefined, "", " ", "soon", "NaN", "Infinity", "Mon, 99 Foo 2026"])("parseRetryAfter ignores %j", (header) => {
  expect(parseRetryAfter(header, now)).toBeUndefined();
});

it("parseTokenResponse passes Retry-After on", () => {
  expect(parse(503, { retryAfter: "20" })).toMatchObject({ kind: "temporary", retryAfter: 20 });
  expect(parse(429, { retryAfter: "30" })).toMatchObject({ kind: "temporary", retryAfter: 30, rateLimited: true });
});

it.each([-600, 600])(
  "parseTokenResponse measures a Retry-After instant by the clock of upstream, which is %i s off",
  (offset) => {
    const retryAfter = httpDate(now + offset + 45);

    expect(parse(503, { retryAfter, date: httpDate(now + offset) })).toMatchObject({ retryAfter: 45 });
  },
);
