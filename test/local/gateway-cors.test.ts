import { describe, expect, it } from "vitest";
import type { Cors } from "../../local/gateway/options.ts";
import { gateway, gatewayOf, send } from "./gateway-harness.ts";

const PORTAL = "https://portal.example.com";
const CORS: Cors = {
  allowOrigins: [PORTAL],
  allowMethods: ["GET", "POST"],
  allowHeaders: ["authorization", "content-type"],
  exposeHeaders: ["etag", "retry-after"],
  maxAge: 300,
};
const TARGET = "/v1/connections/webapicorso/token";
const PREFLIGHT = { origin: PORTAL, "access-control-request-method": "GET" };

describe("an API with CORS", () => {
  it("answers a preflight before any authorization", async () => {
    const to = await gateway({ cors: CORS });

    const answer = await send(to, { method: "OPTIONS", target: TARGET, headers: PREFLIGHT });

    expect(answer).toMatchObject({
      status: 204,
      text: "",
      headers: {
        "access-control-allow-origin": PORTAL,
        "access-control-allow-methods": "GET,POST",
        "access-control-allow-headers": "authorization,content-type",
        "access-control-max-age": "300",
      },
    });
    expect(to.events).toEqual([]);
  });

  it("gives no CORS header to a preflight from an origin that is not allowed", async () => {
    const to = await gateway({ cors: CORS });
    const headers = { ...PREFLIGHT, origin: "https://portal.example.com.evil.example" };

    const answer = await send(to, { method: "OPTIONS", target: TARGET, headers });

    expect(answer.status).toBe(204);
    expect(corsHeaders(answer)).toEqual({});
  });

  it.each([["origin"], ["access-control-request-method"]])(
    "OPTIONS without %s is a request as any other",
    async (name) => {
      const to = await gateway({ cors: CORS });
      const headers = Object.fromEntries(Object.entries(PREFLIGHT).filter(([other]) => other !== name));

      const answer = await send(to, { method: "OPTIONS", target: "/open/a", headers });

      expect(answer).toMatchObject({ status: 200, text: "reached" });
    },
  );

  it("adds the CORS headers to a response to an allowed origin", async () => {
    const to = await gateway({ cors: CORS });

    const answer = await send(to, { method: "GET", target: "/open/a", headers: { origin: PORTAL } });

    expect(corsHeaders(answer)).toEqual({
      "access-control-allow-origin": PORTAL,
      "access-control-expose-headers": "etag,retry-after",
    });
  });

  it.each([
    ["of another origin", { origin: "https://evil.example" }],
    ["of another scheme", { origin: "http://portal.example.com" }],
    ["without an origin", {}],
  ])("gives a request %s none of its headers, not even the function's", async (_, headers) => {
    const result = { statusCode: 200, headers: { "Access-Control-Allow-Origin": "*" } };
    const to = await gatewayOf(async () => result, { cors: CORS });

    const answer = await send(to, { method: "POST", target: "/f", headers });

    expect(answer.status).toBe(200);
    expect(corsHeaders(answer)).toEqual({});
  });
});

it("an API without CORS keeps the function's own CORS headers", async () => {
  const to = await gatewayOf(async () => ({ statusCode: 200, headers: { "access-control-allow-origin": "*" } }));

  const answer = await send(to, { method: "POST", target: "/f", headers: { origin: PORTAL } });

  expect(corsHeaders(answer)).toEqual({ "access-control-allow-origin": "*" });
});

function corsHeaders({ headers }: { headers: object }): Record<string, unknown> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith("access-control-")));
}
