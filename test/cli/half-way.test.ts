import { createServer, request as ask } from "node:http";
import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { SecretsManager } from "@aws-sdk/client-secrets-manager";
import { findLocal } from "../../cli/deployment/find-local.ts";
import { allSecrets } from "../../cli/deployment/secrets.ts";
import { operator, region } from "../local/run-harness.ts";
import { listen } from "../support/server.ts";
import { startAwsStandIn, type StandIn } from "./aws-stand-in.ts";
import { account, broker, LocalBroker } from "./harness.ts";

const local = new LocalBroker();
const aws: StandIn = { stacks: {}, schedule: "ENABLED", deadLetters: 0, deletionProtection: true };
let standIn: Awaited<ReturnType<typeof startAwsStandIn>>;
let proxy: Awaited<ReturnType<typeof listen>>;
/** Refuses a call to Secrets Manager, as AWS does to a role that lacks a permission. */
let refusal = "";
let refuses: (operation: string, body: string) => boolean = () => false;

beforeAll(async () => {
  await local.start();
  standIn = await startAwsStandIn(aws);
  proxy = await listen(
    createServer((incoming, response) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.on("end", () => {
        const body = Buffer.concat(chunks).toString();
        const operation = String(incoming.headers["x-amz-target"]).split(".")[1] ?? "";
        if (refuses(operation, body)) {
          const message = refusal;
          response.writeHead(400, { "content-type": "application/x-amz-json-1.1" });
          return response.end(JSON.stringify({ __type: "AccessDeniedException", message }));
        }
        const { method = "", headers, url = "" } = incoming;
        const forwarded = ask(local.run.url("secretsmanager") + url, { method, headers }, (answer) => {
          response.writeHead(answer.statusCode ?? 500, answer.headers);
          answer.pipe(response);
        });
        return forwarded.end(body);
      });
    }),
  );
  const found = (await findLocal(local.run.url("ready"))) as unknown as Record<string, string>;
  const { apiId = "", tableName = "", secretPrefix = "", keyRotationFunctionArn = "" } = found;
  const KeyArn = "arn:aws:kms:eu-south-1:123456789012:key/fake";
  aws.stacks = {
    "smart-token-broker-dev-state": { TableName: tableName, SecretPrefix: secretPrefix, KeyArn },
    "smart-token-broker-dev-api": { Url: local.run.url("ready"), ApiId: apiId },
    "smart-token-broker-dev-rotation": {
      KeyRotationFunctionArn: keyRotationFunctionArn,
      RotateApiKeysEveryDays: "90",
    },
  };
});
beforeEach(() => {
  refusal = "User is not authorized to perform this";
  refuses = () => false;
});
afterAll(async () => {
  await proxy.close();
  await standIn.close();
  await local.run.remove();
});

const onAws = (args: string[], stdin?: string, env: Record<string, string> = {}) =>
  broker(args, {
    env: {
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: "LOCALORDERS",
      AWS_SECRET_ACCESS_KEY: "local-orders-secret",
      AWS_ENDPOINT_URL: standIn.url,
      AWS_ENDPOINT_URL_DYNAMODB: local.run.url("dynamodb"),
      AWS_ENDPOINT_URL_SECRETS_MANAGER: proxy.url,
      ...env,
    },
    ...(stdin !== undefined && { stdin }),
  });
const secrets = () => new SecretsManager({ endpoint: local.run.url("secretsmanager"), region, credentials: operator });
const nameOf = (id: string) => `smart-token-broker/dev/${id}`;
/** The simulator is on plain http, which a registration of AWS may not name: it is asked for by nothing here. */
const value = (id: string, apiKey: string) => JSON.stringify({ ...account(id), apiKey });

test("a connection whose rotation cannot be switched on is added, and the command that does it later is told", async () => {
  refuses = (operation) => operation === "RotateSecret";

  const add = ["connections", "add", "half", "--file", "-", "--skip-exchange"];
  const { status, stdout } = await onAws(add, value("half", "fake-key-1"));

  expect(status).toBe(1);
  expect(stdout).toMatch(/^half is added \(new\)/);
  expect(stdout).toMatch(
    /rotation could not be switched on \(AWS refuses .*\): broker keys rotate half --every-days 90 /,
  );
  expect(stdout).toContain("Rotation of its key: off.");
  expect(stdout).toContain('"execute-api:Invoke"');
  expect(await secrets().describeSecret({ SecretId: nameOf("half") })).not.toHaveProperty("DeletedDate");
});

test("a secret that was restored, and whose new value cannot be put, is deleted again", async () => {
  await secrets().createSecret({ Name: nameOf("back"), SecretString: value("back", "fake-key-1") });
  await secrets().deleteSecret({ SecretId: nameOf("back") });
  refuses = (operation) => operation === "PutSecretValue";

  const add = ["connections", "add", "back", "--file", "-", "--skip-exchange", "--yes"];
  const { status, stderr } = await onAws(add, value("back", "fake-key-2"));

  expect(status).toBe(4);
  expect(stderr).toMatch(/^error: AWS refuses this to your role/);
  expect(await secrets().describeSecret({ SecretId: nameOf("back") })).toHaveProperty("DeletedDate");
});

test("a secret that could neither be filled nor deleted again is told", async () => {
  await secrets().createSecret({ Name: nameOf("revived"), SecretString: value("revived", "fake-key-1") });
  await secrets().deleteSecret({ SecretId: nameOf("revived") });
  refuses = (operation) => operation === "PutSecretValue" || operation === "DeleteSecret";

  const add = ["connections", "add", "revived", "--file", "-", "--skip-exchange", "--yes"];
  const { status, stderr } = await onAws(add, value("revived", "fake-key-2"));

  expect(status).toBe(1);
  expect(stderr).toMatch(/restored WITH ITS OLD VALUE: .*broker connections remove revived\.\n$/);
});

test("a value that may not be looked at is not taken for an unusable one", async () => {
  await secrets().createSecret({ Name: nameOf("sealed"), SecretString: value("sealed", "fake-key-1") });
  refuses = (operation) => operation === "GetSecretValue";
  refusal = "Access to KMS is not allowed";

  const { stdout } = await onAws(["doctor"]);
  const add = ["connections", "add", "sealed", "--file", "-", "--skip-exchange", "--yes"];
  const { status, stderr } = await onAws(add, value("sealed", "fake-key-2"));
  refuses = () => false;

  expect(stdout).toMatch(/^warning +sealed: the secret cannot be decrypted.*\n +mend: enable the KMS key/m);
  expect(status).toBe(4);
  expect(stderr).toContain("cannot be looked at");
  const { SecretString } = await secrets().getSecretValue({ SecretId: nameOf("sealed") });
  expect(SecretString).toBe(value("sealed", "fake-key-1"));
});

test("a change whose tokens cannot be renewed at once is made, and says so", async () => {
  await secrets().createSecret({ Name: nameOf("tableless"), SecretString: value("tableless", "fake-key-1") });

  const set = ["connections", "set", "tableless", "--language", "de-DE", "--skip-exchange"];
  const { status, stdout } = await onAws(set, undefined, { AWS_ENDPOINT_URL_DYNAMODB: "http://127.0.0.1:1" });

  expect(stdout).toMatch(/^tableless: language is de-DE\.\nwarning: its tokens are not renewed at once \(.*\)\n$/);
  expect(status).toBe(0);
});

test("where keys are not rotated by choice, a proved key becomes the current one directly", async () => {
  await local.add("by-hand");
  const next = await local.issueKey("by-hand");
  const described = (await (await fetch(`${local.run.url("ready")}/_local/deployment`)).json()) as object;
  const front = await listen(
    createServer((_, response) => response.end(JSON.stringify({ ...described, rotateApiKeysEveryDays: 0 }))),
  );
  const stage = ["keys", "stage", "by-hand", "--key-file", "-", "--local-url", front.url];

  const untried = await broker([...stage, "--skip-exchange"], { stdin: "fake-key-2" });
  const { status, stdout } = await broker(stage, { stdin: next });
  const { stdout: doctor } = await broker(["doctor", "--local-url", front.url]);
  await front.close();

  expect(untried.status).toBe(4);
  expect(stdout).toMatch(/^The new key of by-hand \([0-9a-f]{16}\) is current/);
  expect(status).toBe(0);
  const { SecretString = "" } = await secrets().getSecretValue({ SecretId: nameOf("by-hand") });
  expect(JSON.parse(SecretString)).toEqual({
    ...account("by-hand"),
    apiKey: next,
    apiBaseUrl: local.run.url("simulator"),
  });
  expect(doctor).toMatch(/^ok +by-hand: its secret is readable, its key is not rotated, as cdk.json has it, /m);
});

test("a secret that the doctor may not read hides no other finding", async () => {
  await secrets().createSecret({ Name: nameOf("locked"), SecretString: value("locked", "fake-key-1") });
  await secrets().createSecret({ Name: nameOf("unusable"), SecretString: "{}" });
  refuses = (operation, body) => operation === "GetSecretValue" && body.includes("/locked");

  const { status, stdout } = await onAws(["doctor"]);

  expect(status).toBe(1);
  expect(stdout).toMatch(/^warning +locked: its secret: cannot be told: .*not authorized.*\n +mend: grant your role/m);
  expect(stdout).toMatch(/^broken +unusable: /m);
});

test("where secrets cannot be listed the rest is examined", async () => {
  refuses = (operation) => operation === "ListSecrets";

  const { stdout } = await onAws(["doctor"]);

  expect(stdout).toMatch(/^warning +the secrets: cannot be told: AWS refuses/m);
  expect(stdout).toMatch(/^ok +the dead-letter queue is empty/m);
  expect(stdout).not.toContain("there is no connection yet");
});

test("every page of the secrets is read", async () => {
  const names = Array.from({ length: 120 }, (_, at) => nameOf(`paged-${at}`));
  for (const Name of names) await secrets().createSecret({ Name, SecretString: "{}" });

  const found = await allSecrets(await findLocal(local.run.url("ready")));

  expect(found.filter(({ connection }) => connection.startsWith("paged-"))).toHaveLength(120);
});

test.skipIf(process.platform === "win32").each([
  ["connections list", "true"],
  ["status --watch --every 1", "head -1"],
])("whoever reads no further than it wants to ends %s quietly: | %s", (command, reader) => {
  const options = `--local-url ${local.run.url("ready")}`;
  const line = `"${process.execPath}" cli/broker.ts ${command} ${options} | ${reader}`;

  const { stderr } = spawnSync("sh", ["-c", line], { encoding: "utf8", timeout: 30_000 });

  expect(stderr.replaceAll(/^.* …\n/gm, "")).toBe("");
});
