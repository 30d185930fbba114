import { createServer } from "node:http";
import { DynamoDBClient, ListTablesCommand, ScanCommand } from "@aws-sdk/client-dynamodb";
import { CreateSecretCommand, DeleteSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { listen } from "../support/server.ts";
import { operator, region, StartedCommand } from "./run-harness.ts";

// Every case has its own connection, so each starts without a token, an item and a backoff.
const account = { username: "fake-user", scope: "fake-scope", apiKey: "fake-key-1" };
const broken = {
  "no-api-key": [{ username: "fake-user", scope: "fake-scope" }, "apiKey"],
  "empty-username": [{ ...account, username: "" }, "username"],
  "numeric-scope": [{ ...account, scope: 1 }, "scope"],
  "plain-http": [{ ...account, baseUrl: "http://example.com" }, "baseUrl"],
  "no-fields": [{}, "username"],
} as const;
const scenarios = [
  ["rate_limited", 503, "upstream_unavailable"],
  ["unavailable", 503, "upstream_unavailable"],
  ["error", 503, "upstream_unavailable"],
  ["reset", 503, "upstream_unavailable"],
  ["hang", 503, "upstream_unavailable"],
  ["malformed", 502, "upstream_malformed"],
  ["html", 502, "upstream_malformed"],
  ["empty", 502, "upstream_malformed"],
  ["oversized", 502, "upstream_malformed"],
  ["expired", 502, "upstream_malformed"],
  ["redirect", 502, "upstream_malformed"],
  ["refused", 502, "credentials_rejected"],
  ["truncated", 502, "upstream_malformed"],
] as const;
const harmless = ["ok", "slow", "bad_jwt"] as const;

const idOf = (mode: string) => `scenario-${mode.replace("_", "-")}`;

let run: StartedCommand;
let secrets: SecretsManagerClient;
let dynamoDb: DynamoDBClient;
let other: { url: string; close(): Promise<void> };
const received: { url: string | undefined; body: string }[] = [];

beforeAll(async () => {
  other = await listen(
    createServer((request, response) => {
      const chunks: string[] = [];
      request.setEncoding("utf8").on("data", (chunk: string) => chunks.push(chunk));
      request.on("end", () => {
        received.push({ url: request.url, body: chunks.join("") });
        response.end('{"access_token": "fake-token-1", "expires_in": 600}');
      });
    }),
  );
  const usual = [...scenarios.map(([mode]) => mode), ...harmless].map((mode) => [idOf(mode), account]);
  const file = {
    ...Object.fromEntries(Object.entries(broken).map(([id, [value]]) => [id, value])),
    ...(Object.fromEntries(usual) as object),
    "deleted-after": account,
    "rate-limited": account,
    "under-way": account,
    elsewhere: { ...account, baseUrl: `${other.url}/some/path/`, apiBaseUrl: "https://api.example.com" },
  };
  run = new StartedCommand(["--port", "0", "--connections", "FILE"], { file: JSON.stringify(file) });
  await run.ready();
  secrets = new SecretsManagerClient({ endpoint: run.url("secretsmanager"), region, credentials: operator });
  dynamoDb = new DynamoDBClient({ endpoint: run.url("dynamodb"), region, credentials: operator });
});
afterAll(async () => {
  secrets.destroy();
  dynamoDb.destroy();
  await run.remove();
  await other.close();
});

async function item(connection: string): Promise<Record<string, unknown> | undefined> {
  const { TableNames: [TableName] = [] } = await dynamoDb.send(new ListTablesCommand());
  const { Items = [] } = await dynamoDb.send(new ScanCommand({ TableName, ConsistentRead: true }));
  return Items.find((each) => each["connection"]?.S === connection);
}

describe("a local run with a file of connections", () => {
  it("starts despite malformed entries, requests no token itself, and prints a curl for the first connection", () => {
    expect(run.stdout).toMatch(/^ {2}curl .*\/v1\/connections\/no-api-key\/token$/m);
    expect(run.stdout).not.toContain("The response (HTTP");
  });

  it.each(Object.entries(broken))(
    "the entry %s is not ready, and the detail names the field",
    async (id, [, field]) => {
      const { status, body, text } = await run.token(id);

      expect({ status, body }).toMatchObject({ status: 409, body: { code: "connection_not_ready" } });
      expect(body["detail"]).toContain(field);
      expect(text).not.toContain("fake-key-1");
      expect(await item(id)).toBeUndefined();
    },
  );

  it("uses the baseUrl of an entry instead of the simulator", async () => {
    const counts = () => run.simulator("/_simulator", {}).then((state) => state["counts"]);
    const before = await counts();

    const { status, body } = await run.token("elsewhere");

    expect({ status, body }).toMatchObject({
      status: 200,
      body: { access_token: "fake-token-1", scope: "fake-scope", api_base_url: "https://api.example.com" },
    });
    expect(received.map(({ url }) => url)).toEqual(["/some/path/api/v1/auth/token"]);
    expect(received[0]?.body).toContain("Bearer fake-key-1");
    expect(await counts()).toEqual(before);
  });

  it("prints and logs no key of the file", async () => {
    await run.token("scenario-ok");

    expect(run.stdout + run.stderr).not.toContain("fake-key-1");
  });
});

describe("a secret", () => {
  const named = (connection: string) => `smart-token-broker/dev/${connection}`;

  it("that an operator creates works at the first request", async () => {
    const { apiKey } = await run.simulator("/_simulator/keys", { username: "fake-user", scope: "new-scope" });
    const SecretString = JSON.stringify({ username: "fake-user", scope: "new-scope", apiKey });
    await secrets.send(new CreateSecretCommand({ Name: named("by-hand"), SecretString }));

    expect(await run.token("by-hand")).toMatchObject({ status: 200, body: { scope: "new-scope", generation: 1 } });
  });

  it("that does not exist gives 404 and leaves no item", async () => {
    expect(await run.token("mistyped")).toMatchObject({ status: 404, body: { code: "unknown_connection" } });
    expect(await item("mistyped")).toBeUndefined();
  });

  it("that is deleted later gives 404 at the next replacement, and its tokens are erased", async () => {
    // A short life: a token with 5 seconds left counts as expired, and a busy machine may take some of the rest.
    await run.simulator("/_simulator", { mode: "ok", lifetime: 10 });
    const first = await run.token("deleted-after");
    await secrets.send(new DeleteSecretCommand({ SecretId: named("deleted-after") }));
    const second = await run.token("deleted-after");
    await run.simulator("/_simulator", { lifetime: 3600 });

    expect([first.status, second.status]).toEqual([200, 200]);
    await vi.waitFor(async () => expect(await run.token("deleted-after")).toMatchObject({ status: 404 }), 15_000);
    expect(await item("deleted-after")).toMatchObject({ generation: { N: "2" } });
    expect(await item("deleted-after")).not.toHaveProperty("accessToken");
    expect(await item("deleted-after")).not.toHaveProperty("refreshToken");
  });
});

describe("a connection without a token, in the scenario", () => {
  it.each(scenarios)("%s, answers %i %s in time", async (mode, status, code) => {
    await run.simulator("/_simulator", { mode });
    const begin = performance.now();

    const answer = await run.token(idOf(mode));

    expect(answer).toMatchObject({ status, body: { status, code } });
    const seconds = (performance.now() - begin) / 1000;
    // The upstream has 5 s; a caller is never kept longer than 8 s.
    expect(seconds).toBeGreaterThan(mode === "hang" ? 4.9 : 0);
    expect(seconds).toBeLessThan(8);
  });

  it.each(harmless)("%s, returns a token", async (mode) => {
    await run.simulator("/_simulator", { mode, delaySeconds: 0.3 });

    expect(await run.token(idOf(mode))).toMatchObject({ status: 200, body: { scope: "fake-scope" } });
  });

  it("rate_limited, forwards Retry-After", async () => {
    await run.simulator("/_simulator", { mode: "rate_limited", retryAfter: 120 });

    const { headers } = await run.token("rate-limited");

    expect(headers.get("retry-after")).toBe("120");
  });
});

describe("Ctrl-C", () => {
  it("ends the run at once with status 0, also while Smart Services keeps a request waiting", async () => {
    const before = await run.simulator("/_simulator", { mode: "hang" });
    const request = run.token("under-way").catch(() => "cut off");
    const exchanges = ({ counts }: Record<string, unknown>) => (counts as { exchange: number }).exchange;
    await vi.waitFor(
      async () => expect(exchanges(await run.simulator("/_simulator", {}))).toBeGreaterThan(exchanges(before)),
      10_000,
    );

    run.signalGroup("SIGINT");

    expect(await request).toBe("cut off");
    expect(await run.ended()).toEqual({ status: 0, signal: null });
    expect(run.temporaryFiles()).toEqual([]);
  });
});
