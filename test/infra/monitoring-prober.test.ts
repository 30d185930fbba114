import { expect, test } from "vitest";
import { failureCatalogue } from "../../functions/auth-core/rules/failure-catalogue.ts";
import { problemDetails } from "../../functions/auth-core/http/response.ts";
import type { FailureCode } from "../../functions/auth-core/rules/failure-catalogue.ts";
import { sendProbe } from "../../functions/prober/edges/probe-request.ts";
import { probeResult } from "../../functions/prober/rules/probe-result.ts";
import { serve } from "../support/server.ts";

const now = 1_800_000_000;
const token = { access_token: "fake-access-1", expires_in: 600, expires_at: "2027-01-15T08:10:00Z" };
const signed = { status: 200, body: token };
const unsigned = { status: 403, body: { message: "Forbidden" } };

test("probeResult is ok for a token with a signature and 401 or 403 without one", () => {
  expect(probeResult(signed, unsigned, now)).toBe("ok");
  expect(probeResult(signed, { status: 401, body: undefined }, now)).toBe("ok");
});

test.each([
  ["open", signed, { status: 200, body: token }],
  ["open", undefined, { status: 200, body: {} }],
  ["no_answer", undefined, unsigned],
  ["no_answer", signed, undefined],
  ["no_answer", signed, { status: 302, body: undefined }],
  ["no_answer", signed, { status: 503, body: undefined }],
  ["no_answer", signed, { status: 503, body: { message: "Service Unavailable" } }],
  ["no_answer", signed, { status: 500, body: { message: "Internal Server Error" } }],
  ["refused", { status: 403, body: {} }, unsigned],
  ["refused", { status: 502, body: { code: "credentials_rejected" } }, unsigned],
  ["not_valid", { status: 200, body: undefined }, unsigned],
  ["not_valid", { status: 200, body: { ...token, access_token: "" } }, unsigned],
  ["not_valid", { status: 200, body: { ...token, expires_in: 5 } }, unsigned],
  ["not_valid", { status: 200, body: { ...token, expires_at: "2027-01-15T07:59:59Z" } }, unsigned],
] as const)(
  "probeResult is %s for the response %j with a signature and %j without",
  (result, withSignature, without) => {
    expect(probeResult(withSignature, without, now)).toBe(result);
  },
);

test.each(Object.keys(failureCatalogue) as FailureCode[])(
  "probeResult is open if a request without a signature gets the function's error %s",
  (code) => {
    const { status, body } = problemDetails({ code, detail: "fake" }, "fake-request");

    expect(probeResult(signed, { status, body }, now)).toBe("open");
    expect(probeResult(undefined, { status, body }, now)).toBe("open");
  },
);

test("sendProbe returns nothing without a server, and does not follow a redirect", async () => {
  const url = await serve((request, response) => {
    response.writeHead(request.url === "/here" ? 302 : 200, { location: "/there" });
    response.end("not JSON");
  });

  expect(await sendProbe("http://127.0.0.1:1/")).toBeUndefined();
  expect(await sendProbe(`${url}/here`)).toEqual({ status: 302, body: undefined });
});
