import { expect, it } from "vitest";
import { probeResult } from "../../functions/prober/rules/probe-result.ts";

const now = 1_800_000_000;
const instant = (seconds: number) => new Date((now + seconds) * 1000).toISOString();
const token = { access_token: "fake-access-1", expires_in: 6, expires_at: instant(1) };
const signed = (body: unknown, status = 200) => ({ status, body });
const denied = { status: 403, body: { message: "Forbidden" } };
const ofFunction = { status: 503, body: { type: "urn:smart-token-broker:unavailable" } };

it.each([
  ["a token, and a denial without a signature", signed(token), denied, "ok"],
  ["a denial with 401", signed(token), { ...denied, status: 401 }, "ok"],
  ["no response to the first", undefined, denied, "no_answer"],
  ["no response to the second", signed(token), undefined, "no_answer"],
  ["an error of the gateway", signed(token), { status: 500, body: { message: "fake" } }, "no_answer"],
  ["a redirect", signed(token), { status: 300, body: undefined }, "no_answer"],
  ["a token without a signature", signed(token), signed(token), "open"],
  ["a problem of the function without a signature", signed(token), ofFunction, "open"],
  ["an error with a signature", signed(token, 503), denied, "refused"],
  ["no JSON", signed(undefined), denied, "not_valid"],
  ["no token", signed({ ...token, access_token: undefined }), denied, "not_valid"],
  ["an empty token", signed({ ...token, access_token: "" }), denied, "not_valid"],
  ["a number as token", signed({ ...token, access_token: 7 }), denied, "not_valid"],
  ["a text as expires_in", signed({ ...token, expires_in: "6" }), denied, "not_valid"],
  ["a token with 5 s left", signed({ ...token, expires_in: 5 }), denied, "not_valid"],
  ["a token that ends now", signed({ ...token, expires_at: instant(0) }), denied, "not_valid"],
])("A probe with %s", (_, one, other, result) => {
  expect(probeResult(one, other, now)).toBe(result);
});
