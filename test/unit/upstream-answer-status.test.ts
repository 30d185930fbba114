import fc from "fast-check";
import { expect, it } from "vitest";
import { parseTokenResponse, parseRetryAfter } from "../../functions/auth-core/rules/upstream-response.ts";
import { now } from "./examples.ts";

const body = '{"access_token":"fake-access-1"}';
const judge = (status: number, headers: { retryAfter?: string; date?: string } = {}) =>
  parseTokenResponse({ status, sentAt: now - 1, receivedAt: now, body, ...headers });
const httpDate = (instant: number) => new Date(instant * 1000).toUTCString();

const passing = new Set([408, 425, 429]);
const statuses = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);

it("reads the body of every 2xx", () => {
  expect(statuses(200, 300).filter((status) => judge(status).kind !== "tokens")).toEqual([]);
});

it("takes every 4xx for a refusal, except the three that pass", () => {
  for (const status of statuses(400, 500).filter((each) => !passing.has(each))) {
    expect(judge(status)).toEqual({ kind: "rejected", status });
  }
});

it("takes 408, 425, 429 and every 5xx for passing, and only 429 for a rate limit", () => {
  for (const status of [...passing, ...statuses(500, 600)]) {
    expect(judge(status)).toEqual({
      kind: "temporary",
      reason: `HTTP ${status}`,
      rateLimited: status === 429,
    });
  }
});

it("takes a redirect, and whatever is no final status, for malformed even where the body holds a token", () => {
  for (const status of [0, 100, 101, 199, ...statuses(300, 400)]) {
    expect(judge(status)).toEqual({ kind: "malformed", shape: `HTTP ${status}` });
  }
});

it.each([
  ["seconds", "120", 120],
  ["no second at all", "0", 0],
  ["white space around the seconds", " 7 ", 7],
  ["exactly 15 minutes", "900", 900],
  ["more than 15 minutes", "901", 900],
  ["seconds beyond all reason", "99999999999999999999", 900],
  ["an instant to come", httpDate(now + 90), 90],
  ["an instant more than 15 minutes away", httpDate(now + 86_400), 900],
  ["an instant that has passed", httpDate(now - 90), 0],
])("understands a Retry-After of %s", (_, header, seconds) => {
  expect(parseRetryAfter(header, now)).toBe(seconds);
});

it.each([undefined, "", " ", "soon", "NaN", "Infinity", "Mon, 99 Foo 2026"])(
  "makes nothing of a Retry-After of %j",
  (header) => {
    expect(parseRetryAfter(header, now)).toBeUndefined();
  },
);

it("keeps every Retry-After between 0 and 15 minutes, and never throws", () => {
  const header = fc.oneof(fc.string(), fc.integer().map(String), fc.date({ noInvalidDate: true }).map(String));
  fc.assert(
    fc.property(header, (text) => {
      const seconds = parseRetryAfter(text, now) ?? 0;
      expect(seconds).toBeGreaterThanOrEqual(0);
      expect(seconds).toBeLessThanOrEqual(900);
    }),
  );
});

it("passes on when to try again", () => {
  expect(judge(503, { retryAfter: "20" })).toMatchObject({ kind: "temporary", retryAfter: 20 });
  expect(judge(429, { retryAfter: "30" })).toMatchObject({ kind: "temporary", retryAfter: 30, rateLimited: true });
});

it.each([-600, 600])("measures a Retry-After instant by upstream's clock when that is %i s off ours", (offset) => {
  const retryAfter = httpDate(now + offset + 45);

  expect(judge(503, { retryAfter, date: httpDate(now + offset) })).toMatchObject({ retryAfter: 45 });
});

it("measures a Retry-After instant by our clock where upstream does not tell its own", () => {
  expect(judge(503, { retryAfter: httpDate(now + 45) })).toMatchObject({ retryAfter: 45 });
  expect(judge(503, { retryAfter: httpDate(now + 45), date: "no date" })).toMatchObject({ retryAfter: 45 });
});
