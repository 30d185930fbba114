import { describe, expect, it } from "vitest";
import { compileRoutes, findRoute } from "../../local/gateway/routes.ts";
import { gateway, send } from "./gateway-harness.ts";

const ROUTES = compileRoutes(
  [
    "ANY /v1/{proxy+}",
    "GET /v1/{proxy+}",
    "GET /v1/{a}/token",
    "ANY /v1/things/{thing}",
    "GET /v1/things/{thing}",
    "GET /v1/things/first",
    "GET /v1.0/(x)",
    "GET /",
  ].map((routeKey) => ({ routeKey })),
);

describe("the route of a request", () => {
  it.each([
    ["GET", "/", "GET /", {}],
    ["GET", "/v1/things/first", "GET /v1/things/first", {}],
    ["GET", "/v1/things/other", "GET /v1/things/{thing}", { thing: "other" }],
    ["PUT", "/v1/things/first", "ANY /v1/things/{thing}", { thing: "first" }],
    ["GET", "/v1/things/token", "GET /v1/things/{thing}", { thing: "token" }],
    ["GET", "/v1/other/token", "GET /v1/{a}/token", { a: "other" }],
    ["GET", "/v1/a/b/c", "GET /v1/{proxy+}", { proxy: "a/b/c" }],
    ["PUT", "/v1/a/b/c", "ANY /v1/{proxy+}", { proxy: "a/b/c" }],
  ])("%s %s is the most specific one: %s", (method, path, routeKey, pathParameters) => {
    expect(findRoute(ROUTES, method, path)).toEqual({ route: { routeKey }, pathParameters });
  });

  it.each([
    ["/v1/things/a%2Fb%20%C3%A9", "GET /v1/things/{thing}", { thing: "a/b é" }],
    ["/v1/%74hings/first", "GET /v1/things/first", {}],
    ["/v1/things//", "GET /v1/{proxy+}", { proxy: "things//" }],
    ["/v1/things/", "GET /v1/{proxy+}", { proxy: "things/" }],
    ["/v1.0/(x)", "GET /v1.0/(x)", {}],
  ])("of the raw path %s is %s", (path, routeKey, pathParameters) => {
    expect(findRoute(ROUTES, "GET", path)).toEqual({ route: { routeKey }, pathParameters });
  });

  it.each([
    ["PUT", "/"],
    ["GET", "/v1a0/(x)"],
    ["GET", "/v1/"],
  ])("of %s %s is none", (method, path) => {
    expect(findRoute(ROUTES, method, path)).toBeUndefined();
  });

  it.each(["GET", "/v1", "get /v1", "GET v1", "$default"])("cannot be declared as %s", (routeKey) => {
    expect(() => compileRoutes([{ routeKey }])).toThrow(`Invalid route key: ${routeKey}`);
  });
});

describe("the gateway answers", () => {
  it.each([
    ["a path that no route has", "GET", "/v2"],
    ["a method that no route has", "PUT", "/v1/connections/a/token"],
    ["an empty parameter", "GET", "/v1/connections//token"],
    ["a preflight in an API without CORS", "OPTIONS", "/v1/connections/a/token"],
  ])("%s with 404, before any authorization", async (_, method, target) => {
    const to = await gateway();
    const headers = { origin: "https://a.example", "access-control-request-method": "GET" };

    const answer = await send(to, { method, target, headers });

    expect(answer).toMatchObject({ status: 404, text: '{"message":"Not Found"}' });
    expect(to.lines).toMatchObject([{ status: 404, routeKey: "-" }]);
  });

  it.each(["/open/%", "/open/%zz", "/open/%FF", "/open/a?b=%", "/open/a?%C3=b", "http://127.0.0.1/open/a", "*"])(
    "the malformed target %s with 400",
    async (target) => {
      const to = await gateway({ allowedHosts: ["127.0.0.1"] });

      const answer = await send(to, { method: "GET", target });

      expect(answer).toMatchObject({ status: 400, text: '{"message":"Bad Request"}' });
      expect(to.events).toEqual([]);
    },
  );
});
