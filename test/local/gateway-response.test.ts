import { describe, expect, it } from "vitest";
import { gatewayOf, send } from "./gateway-harness.ts";

const CALL = { method: "POST", target: "/f" };

describe("the response to a function's result", () => {
  it("has the status, headers and body of a result with a statusCode", async () => {
    const to = await gatewayOf(async () => ({
      statusCode: 429,
      headers: { "Content-Type": "application/problem+json", "Retry-After": 5 },
      body: '{"città":"però"}',
    }));

    const { status, headers, text } = await send(to, CALL);

    expect({ status, text }).toEqual({ status: 429, text: '{"città":"però"}' });
    expect(headers).toMatchObject({
      "content-type": "application/problem+json",
      "retry-after": "5",
      "content-length": "18",
    });
  });

  it.each([
    ["an object", { a: "è" }, '{"a":"è"}'],
    ["a string", "plain", "plain"],
    ["a list", [1, 2], "[1,2]"],
    ["nothing", undefined, "null"],
  ])("is 200 in JSON where the result is %s without a statusCode", async (_, result, text) => {
    const to = await gatewayOf(async () => result);

    const answer = await send(to, CALL);

    expect(answer).toMatchObject({ status: 200, text, headers: { "content-type": "application/json" } });
  });

  it.each([204, 304])("has neither body nor type for a bare %i", async (statusCode) => {
    const to = await gatewayOf(async () => ({ statusCode, headers: { etag: '"1"' } }));

    const { status, headers, text } = await send(to, CALL);

    expect({ status, text, etag: headers.etag }).toEqual({ status: statusCode, text: "", etag: '"1"' });
    expect(headers).not.toHaveProperty("content-type");
  });

  it("is 500 without the error if the function fails, or returns no status", async () => {
    const malformed = [{ statusCode: "200" }, { statusCode: 999 }, { statusCode: 200, headers: { a: "b\n" } }];
    const results = malformed.map((result) => async () => result);
    for (const invoke of [() => Promise.reject(new Error("fake-key-1 leaked")), ...results]) {
      const answer = await send(await gatewayOf(invoke), CALL);

      const headers = { "content-type": "application/json" };
      expect(answer).toMatchObject({ status: 500, headers, text: '{"message":"Internal Server Error"}' });
    }
  });

  it("is 503 if the function does not answer in time", async () => {
    const to = await gatewayOf(() => new Promise(() => {}), { timeoutMs: 20 });

    const answer = await send(to, CALL);

    expect(answer).toMatchObject({ status: 503, text: '{"message":"Service Unavailable"}' });
    expect(to.lines).toMatchObject([{ status: 503, routeKey: "POST /f" }]);
  });
});
