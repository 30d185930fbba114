import { createServer } from "node:http";
import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { listen } from "../../fixtures/listen.ts";
import { startTableProxy } from "../../fixtures/table-proxy.ts";
import { awsEnvironment, stacksOf, startAwsStandIn, type StandIn } from "./aws-stand-in.ts";
import { account, broker, expectError, LocalBroker, secretName } from "./harness.ts";

const local = new LocalBroker();
const aws: StandIn = { stacks: {} };
let standIn: Awaited<ReturnType<typeof startAwsStandIn>>;
let proxy: Awaited<ReturnType<typeof startTableProxy>>;
/** The proxy denies these calls to Secrets Manager with this message, as AWS does without a permission. */
let denial = "";
let denies: (operation: string, body: string) => boolean = () => false;

beforeAll(async () => {
  await local.start();
  standIn = await startAwsStandIn(aws);
  proxy = await startTableProxy(local.run.url("secretsmanager"), (...request) =>
    denies(...request) ? `AccessDeniedException: ${denial}` : undefined,
  );
  // The simulator uses plain http, which a registration on AWS may not name. So these tests add --skip-exchange.
  aws.stacks = await stacksOf(local.run.url("ready"));
});
beforeEach(() => {
  denial = "User is not authorized to perform this";
  denies = () => false;
});
afterAll(async () => {
  await proxy.close();
  await standIn.close();
  await local.remove();
});

const onAws = (args: string[], stdin?: string, env: Record<string, string> = {}) =>
  broker(args, {
    env: awsEnvironment(standIn.url, {
      AWS_ENDPOINT_URL_DYNAMODB: local.run.url("dynamodb"),
      AWS_ENDPOINT_URL_SECRETS_MANAGER: proxy.url,
      ...env,
    }),
    ...(stdin !== undefined && { stdin }),
  });
const value = (id: string, apiKey: string) => JSON.stringify({ ...account(id), apiKey });

test("connections add warns if it cannot turn rotation on, with the command that does it later", async () => {
  denies = (operation) => operation === "RotateSecret";

  const add = ["connections", "add", "half", "--file", "-", "--skip-exchange"];
  const { status, stdout } = await onAws(add, value("half", "fake-key-1"));

  expect(status).toBe(1);
  expect(stdout).toMatch(/^Added half\. /);
  expect(stdout).toMatch(/^warning: key rotation is off: AWS denies .*: npx broker keys rotate half --every-days 90 /m);
  expect(stdout).toContain("Key rotation: off.");
  expect(stdout).toContain('"execute-api:Invoke"');
  expect(await local.secrets.describeSecret({ SecretId: secretName("half") })).not.toHaveProperty("DeletedDate");
});

test("connections add deletes a restored secret again if it cannot store the new value", async () => {
  await local.secrets.createSecret({ Name: secretName("back"), SecretString: value("back", "fake-key-1") });
  await local.secrets.deleteSecret({ SecretId: secretName("back") });
  denies = (operation) => operation === "PutSecretValue";

  const add = ["connections", "add", "back", "--file", "-", "--skip-exchange", "--yes"];
  expectError(await onAws(add, value("back", "fake-key-2")), 4, /^error: AWS denies this to your role/);

  expect(await local.secrets.describeSecret({ SecretId: secretName("back") })).toHaveProperty("DeletedDate");
});

test("connections add says if a restored secret keeps its old value", async () => {
  await local.secrets.createSecret({ Name: secretName("revived"), SecretString: value("revived", "fake-key-1") });
  await local.secrets.deleteSecret({ SecretId: secretName("revived") });
  denies = (operation) => operation === "PutSecretValue" || operation === "DeleteSecret";

  const add = ["connections", "add", "revived", "--file", "-", "--skip-exchange", "--yes"];
  const result = await onAws(add, value("revived", "fake-key-2"));

  expectError(result, 1, /restored WITH ITS OLD VALUE\. .*broker connections remove revived\n$/);
});

test("connections add and doctor do not treat an unreadable value as an unusable one", async () => {
  await local.secrets.createSecret({ Name: secretName("sealed"), SecretString: value("sealed", "fake-key-1") });
  denies = (operation) => operation === "GetSecretValue";
  denial = "Access to KMS is not allowed";

  const { stdout } = await onAws(["doctor"]);
  const add = ["connections", "add", "sealed", "--file", "-", "--skip-exchange", "--yes"];
  const added = await onAws(add, value("sealed", "fake-key-2"));
  denies = () => false;

  expect(stdout).toMatch(/^warning +sealed: the secret cannot be decrypted.*\n +fix: enable the KMS key/m);
  expectError(added, 4, /cannot be read/);
  const { SecretString } = await local.secrets.getSecretValue({ SecretId: secretName("sealed") });
  expect(SecretString).toBe(value("sealed", "fake-key-1"));
});

test("connections set warns if it cannot make the connection due", async () => {
  await local.secrets.createSecret({ Name: secretName("tableless"), SecretString: value("tableless", "fake-key-1") });

  const set = ["connections", "set", "tableless", "--language", "de-DE", "--skip-exchange"];
  const { status, stdout } = await onAws(set, undefined, { AWS_ENDPOINT_URL_DYNAMODB: "http://127.0.0.1:1" });

  expect(stdout).toMatch(
    /^tableless: language is de-DE\.\nwarning: its tokens are not replaced now: .* npx broker connections renew tableless\n$/,
  );
  expect(status).toBe(0);
});

/** Describes the local run as one that rotates no keys. */
async function listenWithoutRotation() {
  const described = (await (await fetch(`${local.run.url("ready")}/_local/deployment`)).json()) as object;
  return listen(
    createServer((_, response) => response.end(JSON.stringify({ ...described, rotateApiKeysEveryDays: 0 }))),
  );
}

test("keys stage makes a verified key the current one directly if the deployment rotates no keys", async () => {
  await local.add("by-hand");
  const next = await local.issueKey("by-hand");
  const front = await listenWithoutRotation();
  const stage = ["keys", "stage", "by-hand", "--key-file", "-", "--local-url", front.url];

  const invalid = await broker([...stage, "--skip-exchange"], { stdin: "fake-key-2" });
  await local.scenario({ mode: "unavailable", on: "exchange" });
  const down = await broker(stage, { stdin: next });
  await local.scenario({ mode: "ok", on: "both" });
  const { status, stdout } = await broker(stage, { stdin: next });
  const { stdout: doctor } = await broker(["doctor", "--local-url", front.url]);
  await front.close();

  expect(invalid.status).toBe(4);
  expect(down.stderr).toMatch(/ is unavailable \(HTTP 503\)\. Retry later\.\n$/);
  expect(stdout).toMatch(/^The new key of by-hand \([0-9a-f]{16}\) is current/);
  expect(status).toBe(0);
  const { SecretString = "" } = await local.secrets.getSecretValue({ SecretId: secretName("by-hand") });
  expect(JSON.parse(SecretString)).toEqual({
    ...account("by-hand"),
    apiKey: next,
    apiBaseUrl: local.run.url("simulator"),
  });
  expect(doctor).toMatch(/^ok +by-hand: secret readable, key rotation off, as in the settings, /m);
});

test("doctor reports a secret that it may not read, and all other findings", async () => {
  await local.secrets.createSecret({ Name: secretName("locked"), SecretString: value("locked", "fake-key-1") });
  await local.secrets.createSecret({ Name: secretName("unusable"), SecretString: "{}" });
  denies = (operation, body) => operation === "GetSecretValue" && body.includes("/locked");

  const { status, stdout } = await onAws(["doctor"]);

  expect(status).toBe(1);
  expect(stdout).toMatch(
    /^warning +Cannot check the secret of locked: .*not authorized.*\n +fix: grant the permission/m,
  );
  expect(stdout).toMatch(/^broken +unusable: /m);
});

test("doctor checks the rest if it may not list the secrets", async () => {
  denies = (operation) => operation === "ListSecrets";

  const { stdout } = await onAws(["doctor"]);

  expect(stdout).toMatch(/^warning +Cannot check the secrets: AWS denies/m);
  expect(stdout).toMatch(/^ok +The dead-letter queue is empty/m);
  expect(stdout).not.toContain("There is no connection yet");
});

test.skipIf(process.platform === "win32").each([
  ["connections list", "true"],
  ["status --watch --every 1", "head -1"],
])("broker %s ends without an error when a pipe closes: | %s", (command, reader) => {
  const options = `--local-url ${local.run.url("ready")}`;
  const line = `"${process.execPath}" cli/broker.ts ${command} ${options} | ${reader}`;

  const { stderr } = spawnSync("sh", ["-c", line], { encoding: "utf8", timeout: 30_000 });

  expect(stderr.replaceAll(/^.* …\n/gm, "")).toBe("");
});
