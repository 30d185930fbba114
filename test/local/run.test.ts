import { once } from "node:events";
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DashboardData } from "../../dashboard/contract.ts";
import { signedGet } from "../../local/callers/callers.ts";
import { audit, operator, region, StartedCommand } from "./run-harness.ts";

let run: StartedCommand;

beforeAll(async () => {
  run = new StartedCommand(["--port", "0"]);
  await run.ready();
});
afterAll(() => run.remove());

describe("the output of npm start", () => {
  it("has the URLs, a curl to try, its response with a shortened token, and ready as the last line", () => {
    const url = "http://127\\.0\\.0\\.1:[0-9]+";
    const form = [
      `dynamodb ${url}`,
      `secretsmanager ${url}`,
      `eventbridge ${url}`,
      `simulator ${url}`,
      `issuer ${url}`,
      "origins http://127\\.0\\.0\\.1:8788",
      "",
      "Get a token:",
      `  curl --aws-sigv4 "aws:amz:eu-south-1:execute-api" --user LOCALORDERS:local-orders-secret ${url}/v1/connections/webapicorso/token`,
      "",
      "Get a token with the vendor's API \\(only the host and the credential differ\\):",
      `  curl ${url}/api/v1/auth/token --form-string "username=admin_webapicorso" --form-string "scope=webapicorso_alywebapicorso" --form-string "token=Bearer stb_[\\w-]{43}"`,
      "",
      "The response \\(HTTP 200, token shortened\\):",
      '  {"access_token":"[\\w-]{12}…","token_type":"Bearer",.*}',
      "",
      `Watch it in a browser, and simulate failures of Smart Services: ${url}/`,
      "",
      `ready ${url}`,
      "",
    ];

    expect(run.stdout.split("\n")).toEqual(form.map((line) => expect.stringMatching(new RegExp(`^${line}$`))));
  });

  it("has no token and no key, and neither has the log", async () => {
    const client = new SecretsManagerClient({ endpoint: run.url("secretsmanager"), region, credentials: operator });
    const id = { SecretId: "smart-token-broker/dev/webapicorso" };
    const { SecretString = "" } = await client.send(new GetSecretValueCommand(id));
    const { apiKey = "" } = JSON.parse(SecretString) as { apiKey?: string };
    const { body } = await run.token("webapicorso");

    const printed = run.stdout + run.stderr;

    const secret = [apiKey, String(body["access_token"])].flatMap((jwt) => jwt.split(".").slice(1));
    expect(secret.length).toBeGreaterThanOrEqual(4);
    for (const part of secret.filter((each) => each.length > 8)) expect(printed).not.toContain(part);
  });

  it("has the log of the functions on stderr only", async () => {
    const { headers } = await run.token("webapicorso");
    const requestId = headers.get("apigw-requestid");

    while (!run.stderr.includes(`"requestId":"${requestId}"`)) await once(run.child.stderr ?? run.child, "data");

    const lines = run.stderr.trimEnd().split("\n");
    expect(lines.map((line) => typeof JSON.parse(line))).toEqual(lines.map(() => "object"));
    expect(run.stdout).not.toContain("requestId");
  });
});

describe("a token", () => {
  it("is accepted by Smart Services", async () => {
    const { status, body, headers } = await run.token("webapicorso");

    const use = await fetch(`${String(body["api_base_url"])}/api/v1/${String(body["scope"])}/CO/Customers`, {
      headers: { authorization: `Bearer ${String(body["access_token"])}` },
    });
    expect([status, use.status]).toEqual([200, 200]);
    expect(headers.get("cache-control")).toBe("no-store");
  });

  it("is not returned for a request without a signature", async () => {
    const response = await fetch(run.tokenUrl("webapicorso"));

    expect([response.status, await response.text()]).toEqual([403, '{"message":"Forbidden"}']);
  });
});

describe("the status of a local run", () => {
  const get = (path: string) => signedGet(new URL(path, run.url("ready")), audit, region);

  it("is what LOCALAUDIT may read, and nothing else", async () => {
    const response = await get("/v1/status");

    expect([response.status, await response.text()]).toEqual([
      200,
      expect.stringMatching(/"connection":"webapicorso","state":"fresh"/),
    ]);
    expect((await get("/v1/connections/webapicorso/token")).status).toBe(403);
  });

  it("is on its page, with the rotation of each secret", async () => {
    const response = await fetch(`${run.url("ready")}/_dashboard/data?range=600`);

    const { connections } = (await response.json()) as DashboardData;
    const shown = { connection: "webapicorso", state: "fresh", rotation: expect.objectContaining({ isOn: true }) };
    expect(connections).toContainEqual(expect.objectContaining(shown));
  });
});
