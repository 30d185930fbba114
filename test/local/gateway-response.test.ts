import { describe, expect, it } from "vitest";
import { gatewayOf, send } from "./gateway-harness.ts";

const CALL = { method: "POST", target: "/f" };

describe("the response to a function's result", () => {
  it("has the status, headers, cookies and body of a result with a statusCode", async () => {
    const to = await gatewayOf(async () => ({
      statusCode: 429,
      headers: { "Content-Type": "application/problem+json", "Retry-After": 5, "x-flag": true },
      cookies: ["a=1; Secure", "b=2"],
      body: '{"città":"però"}',
    }));

    const { status, headers, text } = await send(to, CALL);

    expect({ status, text }).toEqual({ status: 429, text: '{"città":"però"}' });
    expect(headers).toMatchObject({
      "content-type": "application/problem+json",
      "retry-after": "5",
      "x-flag": "true",
      "set-cookie": ["a=1; Secure", "b=2"],
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

  it("is decoded if the result is base64", async () => {
    const body = Buffer.from("però").toString("base64");
    const to = await gatewayOf(async () => ({ statusCode: 200, isBase64Encoded: true, body }));

    expect(await send(to, CALL)).toMatchObject({
      text: "però",
      headers: { "content-type": "text/plain; charset=utf-8" },
    });
  });

  it.each([204, 304])("has neither body nor type for a bare %i", async (statusCode) => {
    const to = await gatewayOf(async () => ({ statusCode, headers: { etag: '"1"' } }));

    const { status, headers, text } = await send(to, CALL);

    expect({ status, text, etag: headers.etag }).toEqual({ status: statusCode, text: "", etag: '"1"' });
    expect(headers).not.toHaveProperty("content-type");
  });

  it("does not let the function set connection headers or the request id", async () => {
    const headers = {
      "Content-Length": "1",
      "transfer-encoding": "chunked",
      "apigw-requestid": "fake",
      Connection: "x",
    };
    const to = await gatewayOf(async () => ({ statusCode: 200, headers, body: "whole" }));

    const answer = await send(to, CALL);

    expect(answer).toMatchObject({ text: "whole", headers: { "content-length": "5" } });
    expect(answer.headers["apigw-requestid"]).toBe(to.lines[0]?.requestId);
    expect(answer.headers.connection).not.toBe("x");
  });

  it.each([
    ["a status that is text", { statusCode: "200" }],
    ["a status that HTTP does not have", { statusCode: 99 }],
    ["a status beyond those of HTTP", { statusCode: 600 }],
    ["a base64 flag that is text", { statusCode: 200, body: "a", isBase64Encoded: "false" }],
    ["a body that is no string", { statusCode: 200, body: { a: 1 } }],
    ["headers that are no object", { statusCode: 200, headers: "a: b" }],
    ["a header that is an object", { statusCode: 200, headers: { a: {} } }],
    ["a header that smuggles another", { statusCode: 200, headers: { a: "b\r\nc: d" } }],
    ["a header without a proper name", { statusCode: 200, headers: { "a b": "c" } }],
    ["cookies that are no list", { statusCode: 200, cookies: "a=1" }],
    ["what JSON cannot say", 1n],
  ])("is 500 for %s", async (_, result) => {
    const to = await gatewayOf(async () => result);

    const answer = await send(to, CALL);

    expect(answer).toMatchObject({
      status: 500,
      text: '{"message":"Internal Server Error"}',
      headers: { "content-type": "application/json" },
    });
  });

  it("is 500 without the error if the function fails", async () => {
    const to = await gatewayOf(() => Promise.reject(new Error("fake-key-1 leaked")));

    const answer = await send(to, CALL);

    expect(answer).toMatchObject({ status: 500, text: '{"message":"Internal Server Error"}' });
  });

  it("is 503 if the function does not answer in time", async () => {
    const to = await gatewayOf(() => new Promise(() => {}), { timeoutMs: 20 });

    const answer = await send(to, CALL);

    expect(answer).toMatchObject({ status: 503, text: '{"message":"Service Unavailable"}' });
    expect(to.lines).toMatchObject([{ status: 503, routeKey: "POST /f" }]);
  });
});
