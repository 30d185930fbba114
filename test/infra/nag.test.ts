import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type App, Stack, Validations } from "aws-cdk-lib";
import { HttpApi, HttpMethod, HttpRoute, HttpRouteKey } from "aws-cdk-lib/aws-apigatewayv2";
import { HttpUrlIntegration } from "aws-cdk-lib/aws-apigatewayv2-integrations";
import { afterEach, expect, test, vi } from "vitest";
import { SmartTokenBroker } from "../../packages/cdk/src/index.ts";
import { everything, newApp } from "./synth.ts";

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

/** Every acknowledged finding: rule with its pack, construct path and reason. */
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

test.each([false, true])(
  "cdk-nag has no finding, every acknowledgement gives a reason, and the synthesis prints no warning (tracing: %s)",
  (tracing) => {
    const { app, outdir } = newApp({ ...everything, tracing });

    app.synth();

    expect(findings(outdir)).toEqual([]);
    for (const { reason } of acknowledgements(app)) expect(reason.length).toBeGreaterThan(20);
    const metadata = app.node.findAll().flatMap(({ node }) => node.metadata);
    expect(metadata.filter(({ type }) => type.endsWith(":warning"))).toEqual([]);
  },
);

// Then a finding names the account and the region, and an app with the CDK's flags has the partition in it.
test("cdk-nag has no finding on the construct in another app's stack with a fixed account and region", () => {
  const { app, outdir } = newApp({ "@aws-cdk/core:enablePartitionLiterals": true });
  const stack = new Stack(app, "Shop", { env: { account: "123456789012", region: "eu-south-1" } });
  new SmartTokenBroker(stack, "Broker", {
    stage: "prod",
    ...everything,
    deployment: "canary",
  });

  app.synth();

  expect(findings(outdir)).toEqual([]);
});

test("cdk-nag stops the synth if a route has no authorizer", () => {
  const { app, outdir } = newApp();
  const httpApi = app.node.findAll().find((construct) => construct instanceof HttpApi);
  if (!httpApi) throw new Error("there is no HTTP API");
  // oxlint-disable-next-line no-new -- a construct adds itself to its scope
  new HttpRoute(Stack.of(httpApi), "Planted", {
    httpApi,
    routeKey: HttpRouteKey.with("/open", HttpMethod.GET),
    integration: new HttpUrlIntegration("PlantedIntegration", "https://example.com"),
  });

  expect(() => app.synth()).toThrow();

  expect(findings(outdir).map(({ ruleName }) => ruleName)).toContain("AwsSolutions-APIG4");
});

test.each([false, true])(
  "Every acknowledgement is needed: without it cdk-nag has this finding at this construct (tracing: %s)",
  (tracing) => {
    const acknowledged = acknowledgements(newApp({ ...everything, tracing }).app);
    vi.spyOn(Validations.prototype, "acknowledge").mockReturnValue();
    const { app, outdir } = newApp({ ...everything, tracing });

    expect(() => app.synth()).toThrow();

    const found = findings(outdir);
    const unneeded = acknowledged.filter(
      ({ id, path }) =>
        !found.some(
          ({ ruleName, constructPath }) =>
            id.endsWith(`::${ruleName}`) && (constructPath === path || constructPath.startsWith(`${path}/`)),
        ),
    );
    expect(unneeded).toEqual([]);
    expect(acknowledged).not.toHaveLength(0);
  },
);
