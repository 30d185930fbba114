import { Annotations, Match } from "aws-cdk-lib/assertions";
import type { Stack } from "aws-cdk-lib";
import { expect, onTestFinished, test } from "vitest";
import type { Deployment } from "../../cli/deployment/deployment.ts";
import { gatewayChecks } from "../../cli/smoke/gateway.ts";
import { originsOf } from "../../functions/auth-core/metrics.ts";
import { alwaysHeaders, headersToReturn, headersToSend } from "../../functions/calls/rules/call-headers.ts";
import { erp, startCallsBroker } from "../calls/calls-broker.ts";
import { callsCaller, keyCaller, newApp, synthesise } from "./synth.ts";

const throttle = { calls: { rate: 7, burst: 8 } };
const { ofType, render } = synthesise({ callers: [keyCaller, callsCaller], throttle });
const plain = synthesise({ callers: [keyCaller] });
const path = "/v1/connections/{connection}/api/{path+}";
const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
const [stage] = ofType("AWS::ApiGatewayV2::Stage");

test("The routes of calls have no authorizer, the throttle of the setting, and the alias of the function calls", () => {
  const routes = ofType("AWS::ApiGatewayV2::Route").filter(({ Properties }) => Properties.RouteKey.endsWith(path));
  const alias = ofType("AWS::Lambda::Alias").find(({ id }) => id.startsWith("Calls"));
  const integration = ofType("AWS::ApiGatewayV2::Integration").find(
    ({ Properties }) => render(Properties.IntegrationUri) === `\${${alias?.id}}`,
  );

  expect(routes.map(({ Properties }): string => Properties.RouteKey).toSorted()).toEqual(
    methods.map((method) => `${method} ${path}`).toSorted(),
  );
  for (const { Properties } of routes) {
    expect(Properties.AuthorizationType).toBe("NONE");
    expect(render(Properties.Target)).toBe(`integrations/\${${integration?.id}}`);
    expect(stage?.Properties.RouteSettings[Properties.RouteKey]).toEqual({
      ThrottlingRateLimit: 7,
      ThrottlingBurstLimit: 8,
    });
  }
});

test("A page may send every method and header of a call, and read every header of its response", () => {
  const { AllowMethods, AllowHeaders, ExposeHeaders, AllowOrigins } =
    ofType("AWS::ApiGatewayV2::Api")[0]?.Properties.CorsConfiguration ?? {};
  // A header that the API would get if the caller sent it. A browser sends accept-encoding by itself.
  const everything = new Proxy({}, { get: () => "gzip" }) as Record<string, string>;
  const sent = Object.keys(headersToSend(everything)).filter((name) => name !== "accept-encoding");
  const called = { prefix: "/", apiBaseUrl: "https://api.test/", calledPath: "/a" };
  const answered = new Proxy({}, { get: (_, name) => (name === "link" ? '</b>; rel="next"' : "/b") });
  const readable = Object.keys(headersToReturn(answered, called)).filter(
    // Those that are for browsers and caches, not for pages.
    (name) => name !== "cache-control" && !(name in alwaysHeaders),
  );

  expect(AllowOrigins).toEqual(callsCaller.origins);
  expect(AllowMethods.toSorted()).toEqual(methods.toSorted());
  expect(AllowHeaders.toSorted()).toEqual(["authorization", ...sent].toSorted());
  expect(ExposeHeaders.toSorted()).toEqual(["broker-response", ...readable].toSorted());
});

test("The access log has the path of a request only if there are no calls: theirs have customers' data", () => {
  const [stageWithout] = plain.ofType("AWS::ApiGatewayV2::Stage");
  const format: string = stage?.Properties.AccessLogSettings.Format;

  expect(JSON.parse(format)).toMatchObject({ request: "$context.routeKey" });
  expect(format).not.toMatch(/path/i);
  expect(stageWithout?.Properties.AccessLogSettings.Format).toContain('"$context.httpMethod $context.path"');
});

test.each([
  ["/api/v1/{scope}/CO/**", []],
  ["/api/v1/CO/**", ["shop /api/v1/CO/**"]],
])("The synthesis warns of a rule without the connection's scope: %s", (rule, warned) => {
  const calls = [{ methods: ["GET"], path: rule }];
  const { app } = newApp({ callers: [{ ...callsCaller, calls }] });
  const api = app.node.findChild("Api") as Stack;

  const warnings = Annotations.fromStack(api).findWarning("*", Match.stringLikeRegexp("rules of calls have no"));

  expect(warnings.map(({ entry }) => /\((.*?)\)/.exec(JSON.stringify(entry.data))?.[1])).toEqual(warned);
});

test("The lines of calls have the metrics of the catalogue, and an answer of the API is no failure of the broker", async () => {
  const broker = await startCallsBroker();
  onTestFinished(() => broker.close());
  const statuses = [200, 404, 503];
  broker.api.respond = (response) => response.writeHead(statuses.shift() ?? 200).end();
  const ask = (of: string, headers: Record<string, string> = erp) => fetch(broker.urls.decoded + of, { headers });
  for (const _ of [200, 404, 503]) await ask("/v1/connections/acme/api/any/x");
  await ask("/v1/connections/acme/api/any/x", {});
  await ask("/v1/connections/acme/api/forbidden");
  await ask("/v1/connections/no-api/api/any/x");

  const outcomes = async () =>
    (await broker.linesWhere(({ message }) => message === "request"))
      .map(({ code, source }) => `${String(code)} ${String(source)}`)
      .toSorted();
  const expected = [
    "api_4xx api",
    "api_5xx api",
    "call_not_allowed none",
    "connection_not_ready none",
    "credential_not_accepted none",
    "ok api",
  ];
  // Output arrives after the response.
  await expect.poll(outcomes, { timeout: 10_000 }).toEqual(expected);
  // What smoke asks AWS.
  const smoke = gatewayChecks.find(({ question }) => question.includes("%3F"));
  const observed = (url: string) => smoke?.observe({ deployment: { url } as Deployment, connection: undefined });
  expect(await observed(broker.urls.encoded)).toEqual({ verdict: "as expected", observed: "%2F: 404, %3F: 401" });
  expect(await observed(broker.urls.decoded)).toMatchObject({ verdict: "as expected" });
  const origins = originsOf("Requests", { services: ["calls"] }).map(({ code, source }) => `${code} ${source}`);
  expect(origins).toEqual(expect.arrayContaining(expected));
});
