import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type App, Stack, Validations } from "aws-cdk-lib";
import { HttpApi, HttpMethod, HttpRoute, HttpRouteKey } from "aws-cdk-lib/aws-apigatewayv2";
import { HttpUrlIntegration } from "aws-cdk-lib/aws-apigatewayv2-integrations";
import { afterEach, expect, test, vi } from "vitest";
import { newApp } from "./synth.ts";

afterEach(() => vi.restoreAllMocks());

interface Finding {
  ruleName: string;
  violatingConstructs: { constructPath: string }[];
}

const findings = (outdir: string) => {
  const report = JSON.parse(readFileSync(join(outdir, "validation-report.json"), "utf8")) as {
    pluginReports: { violations: Finding[] }[];
  };
  return report.pluginReports
    .flatMap(({ violations }) => violations)
    .flatMap(({ ruleName, violatingConstructs }) =>
      violatingConstructs.map(({ constructPath }) => ({ ruleName, constructPath })),
    );
};

/** Every acknowledgement of the app: which rule, with its pack, at which construct, and why. */
const acknowledgements = (app: App) =>
  app.node
    .findAll()
    .flatMap(({ node }) =>
      node.metadata
        .filter(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY)
        .flatMap(({ data }) =>
          Object.entries(data as Record<string, string>).map(([id, reason]) => ({ id, reason, path: node.path })),
        ),
    );

test("the app as it is has no finding", () => {
  const { app, outdir } = newApp();

  app.synth();

  expect(findings(outdir)).toEqual([]);
});

test("a route that anybody may call stops the synth", () => {
  const { app, outdir } = newApp();
  const httpApi = app.node.findAll().find((construct) => construct instanceof HttpApi);
  if (!httpApi) throw new Error("there is no HTTP API");
  // oxlint-disable-next-line no-new -- a construct is planted by being made
  new HttpRoute(Stack.of(httpApi), "Planted", {
    httpApi,
    routeKey: HttpRouteKey.with("/open", HttpMethod.GET),
    integration: new HttpUrlIntegration("PlantedIntegration", "https://example.com"),
  });

  expect(() => app.synth()).toThrow();

  expect(findings(outdir).map(({ ruleName }) => ruleName)).toContain("AwsSolutions-APIG4");
});

test("each acknowledgement is needed: without them every one of them is a finding, where it was given", () => {
  const acknowledged = acknowledgements(newApp().app);
  vi.spyOn(Validations.prototype, "acknowledge").mockReturnValue();
  const { app, outdir } = newApp();

  expect(() => app.synth()).toThrow();

  const found = findings(outdir);
  const idle = acknowledged.filter(
    ({ id, path }) =>
      !found.some(
        ({ ruleName, constructPath }) =>
          id.endsWith(`::${ruleName}`) && (constructPath === path || constructPath.startsWith(`${path}/`)),
      ),
  );
  expect(idle).toEqual([]);
  expect(acknowledged).not.toHaveLength(0);
});

test("each acknowledgement says why", () => {
  for (const { reason } of acknowledgements(newApp().app)) expect(reason.length).toBeGreaterThan(20);
});
