import { describe, expect, test } from "vitest";
import { readCloudAssembly } from "../../local/assembly/cloud-assembly.ts";
import { readDeployment } from "../../local/assembly/deployment.ts";
import { keyCaller, synthesise, type Synthesised } from "./synth.ts";

const principal = { name: "orders", connections: ["webapicorso"], principal: "210987654321" };
const oidc = {
  name: "portal",
  oidc: { issuer: "https://login.example.com", audience: "portal", connectionsClaim: "smart_services" },
};
const place = { region: "eu-south-1", accountId: "123456789012" };

const routesOf = ({ ofType }: Synthesised): string[] =>
  ofType("AWS::ApiGatewayV2::Route").map(({ Properties }) => Properties.RouteKey);
const signed = [
  "GET /v1/connections/{connection}/token",
  "GET /v1/status",
  "GET /v1/status/{connection}",
  "POST /v1/connections/{connection}/token",
];
const open = ["GET /.well-known/oauth-authorization-server", "POST /api/v1/auth/token", "POST /oauth/token"];

describe.each([
  ["no caller", [], signed],
  ["a role of another account", [principal], signed],
  ["a caller key", [keyCaller], [...signed, ...open]],
  ["an issuer", [principal, oidc], [...signed, ...open]],
])("With %s in the list of callers,", (_, callers, routes) => {
  const synthesised = synthesise({ callers });

  test(`the API has ${routes === signed ? "only the signed routes" : "the OAuth routes too"}`, () => {
    expect(routesOf(synthesised).toSorted()).toEqual(routes.toSorted());
  });

  test(`the stacks have ${routes === signed ? "no" : "a"} function, role, log group or watched name for OAuth`, () => {
    const mentions = synthesised.resources.filter((resource) => /oauth/i.test(JSON.stringify(resource)));
    const types = new Set(mentions.map(({ Type }) => Type));

    if (routes === signed) expect(mentions).toEqual([]);
    else {
      for (const type of ["Lambda::Function", "IAM::Role", "Logs::LogGroup", "SSM::Parameter"]) {
        expect(types).toContain(`AWS::${type}`);
      }
    }
  });

  test("every alarm and graph has a metric", () => {
    expect(JSON.stringify(synthesised.resources)).not.toContain("SUM([])");
  });

  test("the local run finds the same routes and functions", () => {
    const { api, functions } = readDeployment(readCloudAssembly(synthesised.outdir), place);

    expect(api.routes.map(({ routeKey }) => routeKey).toSorted()).toEqual(routes.toSorted());
    expect(functions).toHaveLength(synthesised.ofType("AWS::Lambda::Function").length);
  });
});
