import { expect, test } from "vitest";
import { readCloudAssembly } from "../../local/assembly/cloud-assembly.ts";
import { readDeployment } from "../../local/assembly/deployment.ts";
import { keyCaller, synthesise } from "./synth.ts";

const principal = { name: "orders", connections: ["webapicorso"], principal: "210987654321" };
const oidc = {
  name: "portal",
  oidc: { issuer: "https://login.example.com", audience: "portal", connectionsClaim: "smart_services" },
};

const signed = [
  "GET /v1/connections/{connection}/token",
  "GET /v1/status",
  "GET /v1/status/{connection}",
  "POST /v1/connections/{connection}/token",
];
const open = ["GET /.well-known/oauth-authorization-server", "POST /api/v1/auth/token", "POST /oauth/token"];

test.each([
  ["no caller", [], signed],
  ["a role of another account", [principal], signed],
  ["a caller key", [keyCaller], [...signed, ...open]],
  ["an issuer", [principal, oidc], [...signed, ...open]],
])(
  "With %s in the list of callers, the OAuth routes and what they need are there, or nothing of them",
  (_, callers, routes) => {
    const { resources, outdir, ofType } = synthesise({ callers });
    const place = { region: "eu-south-1", accountId: "123456789012" };

    // As the local run finds them.
    const { api, functions } = readDeployment(readCloudAssembly(outdir), place);

    expect(api.routes.map(({ routeKey }) => routeKey).toSorted()).toEqual(routes.toSorted());
    expect(functions).toHaveLength(ofType("AWS::Lambda::Function").length);
    const mentions = resources.filter((resource) => /oauth/i.test(JSON.stringify(resource)));
    expect(mentions.length > 0).toBe(routes !== signed);
    // An alarm or a graph without a metric.
    expect(JSON.stringify(resources)).not.toContain("SUM([])");
  },
);
