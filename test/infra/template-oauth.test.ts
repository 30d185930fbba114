import { expect, test } from "vitest";
import { readCloudAssembly } from "../../local/assembly/cloud-assembly.ts";
import { readDeployment } from "../../local/assembly/deployment.ts";
import { callsCaller, keyCaller, synthesise } from "./synth.ts";

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

const calls = ["DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"].map(
  (method) => `${method} /v1/connections/{connection}/api/{path+}`,
);

test.each([
  ["no caller", [], signed],
  ["a role of another account", [principal], signed],
  ["a caller key", [keyCaller], [...signed, ...open]],
  ["an issuer", [principal, oidc], [...signed, ...open]],
  ["calls alone", [callsCaller], [...signed, ...calls]],
  ["calls and an issuer of another", [keyCaller, callsCaller], [...signed, ...open, ...calls]],
])(
  "With %s in the list of callers, the routes of OAuth and of calls and what they need are there, or nothing of them",
  (_, callers, routes) => {
    const { resources, outdir, ofType } = synthesise({ callers });
    const place = { region: "eu-south-1", accountId: "123456789012" };

    // As the local run finds them.
    const { api, functions } = readDeployment(readCloudAssembly(outdir), place);

    expect(api.routes.map(({ routeKey }) => routeKey).toSorted()).toEqual(routes.toSorted());
    expect(functions).toHaveLength(ofType("AWS::Lambda::Function").length);
    for (const [pattern, own] of [
      [/oauth/i, open],
      [/"calls"|\bCall[A-Z]\w*|api\/\{path/, calls],
    ] as const) {
      const mentions = resources.filter((resource) => pattern.test(JSON.stringify(resource)));
      expect(mentions.length > 0).toBe(own.every((route) => routes.includes(route)));
    }
    // An alarm or a graph without a metric.
    expect(JSON.stringify(resources)).not.toContain("SUM([])");
  },
);
