import { once } from "node:events";
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { DashboardData } from "../../dashboard/contract.ts";
import { signedGet } from "../../local/callers/callers.ts";
import { sampleCallsKey } from "../../local/callers/sample-callers.ts";
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
      "Call Smart Services through the broker, without a token:",
      `  curl ${url}/v1/connections/webapicorso/api/api/v1/webapicorso_alywebapicorso/CO/Customers --header "Authorization: Bearer stb_[\\w-]{43}"`,
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

describe("a call", () => {
  const send = (path: string, authorization: string) =>
    fetch(`${run.url("ready")}/v1/connections/webapicorso/api/${path}`, { headers: { authorization } });

  it("of an application's user reaches Smart Services; the user's JWT gets no token", async () => {
    const form = { grant_type: "password", username: "me", client_id: "page" };
    const signedIn = await fetch(`${run.url("issuer")}/token`, { method: "POST", body: new URLSearchParams(form) });
    const { access_token: jwt } = (await signedIn.json()) as { access_token: string };

    const answer = await send("api/v1/%7Bscope%7D/CO/Customers", `Bearer ${jwt}`);
    const refused = await send("api/v1/%7Bscope%7D/PO/Customers", `Bearer ${jwt}`);
    const token = await fetch(`${run.url("ready")}/oauth/token`, {
      method: "POST",
      body: new URLSearchParams({
        grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
        subject_token: jwt,
        subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
      }),
    });

    expect(await answer.json()).toMatchObject({ ok: true, scope: "webapicorso_alywebapicorso" });
    expect([answer.headers.get("broker-response"), refused.status]).toEqual(["api", 403]);
    expect(await token.json()).toMatchObject({ error: "invalid_grant" });
  });

  it("is on the page, among the requests of its connection", async () => {
    const path = "api/v1/webapicorso_alywebapicorso/CO/Customers";
    const { connections: before } = await dashboard();
    await send(path, `Bearer ${sampleCallsKey}`);

    const callsOf = (views: DashboardData["connections"]) => views[0]?.requests?.api ?? 0;
    await vi.waitFor(async () => expect(callsOf((await dashboard()).connections)).toBe(callsOf(before) + 1));
    const { traffic } = await dashboard();
    expect(traffic?.steps.reduce((sum, { api }) => sum + api, 0)).toBeGreaterThan(0);
  });
});

const dashboard = async () =>
  (await (await fetch(`${run.url("ready")}/_dashboard/data?range=600`)).json()) as DashboardData;

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
    const { connections } = await dashboard();
    const shown = { connection: "webapicorso", state: "fresh", rotation: expect.objectContaining({ isOn: true }) };
    expect(connections).toContainEqual(expect.objectContaining(shown));
  });
});
