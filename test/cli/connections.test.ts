import { SecretsManager } from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, expect, test } from "vitest";
import { operator, region } from "../local/run-harness.ts";
import { account, LocalBroker } from "./harness.ts";

const local = new LocalBroker();
type Shown = { registration: object };
beforeAll(() => local.start());
afterAll(() => local.run.remove());

const simulated = async () => {
  const said = await (await fetch(`${local.run.url("simulator")}/_simulator`)).json();
  return (said as { counts: { exchange: number } }).counts;
};
const statusOf = (id: string) => local.json<{ state: string; generation: number }>(["status", id]);
const listed = async (id: string) => {
  const all = await local.json<{ connection: string }[]>(["connections", "list"]);
  return all.find(({ connection }) => connection === id);
};

test("a connection that was added answers its first request, and is listed before it", async () => {
  const key = await local.issueKey("acme");
  const { username, scope } = account("acme");

  const added = await local.broker(
    ["connections", "add", "acme", "--username", username, "--scope", scope, "--key-file", "-"],
    `${key}\n`,
  );

  expect(added).toMatchObject({ status: 0, stderr: "" });
  expect(added.stdout).toContain("proved by an exchange: its tokens live 3600 s");
  expect(added.stdout).toMatch(
    /execute-api:eu-south-1:123456789012:\w+\/\$default\/POST\/v1\/connections\/acme\/token"/,
  );
  expect(await listed("acme")).toEqual({
    connection: "acme",
    secret: "present",
    state: "no token yet",
    rotation: true,
  });
  expect((await local.broker(["token", "get", "acme"])).stdout).toMatch(/^eyJ[\w.-]+\n$/);
  expect(await listed("acme")).toMatchObject({ state: "fresh" });
});

test("a registration in a file is taken as it is, with its own upstream", async () => {
  const registration = { ...account("file"), apiKey: await local.issueKey("file"), maxLifetime: 900 };

  await local.json(
    ["connections", "add", "file", "--file", "-", "--rotate-every-days", "0"],
    JSON.stringify(registration),
  );

  const shown = await local.json<{ registration: object; rotation: boolean }>(["connections", "show", "file"]);
  expect(shown).toMatchObject({ rotation: false, registration: { maxLifetime: 900, scope: "file_alyfile" } });
  expect(shown.registration).not.toHaveProperty("apiKey");
});

test("values that Smart Services refuse are not stored", async () => {
  const { username, scope } = account("refused");

  const { status, stderr } = await local.broker(
    ["connections", "add", "refused", "--username", username, "--scope", scope, "--key-file", "-"],
    "fake-key-1",
  );

  expect(status).toBe(4);
  expect(stderr).toMatch(/^error: Smart Services refused .*HTTP 401.*\n$/);
  expect(stderr).not.toContain("fake-key-1");
  expect(await listed("refused")).toBeUndefined();
});

test("a connection that is there already is not overwritten", async () => {
  const { status, stderr } = await local.broker(["connections", "add", "webapicorso", "--yes"]);

  expect(status).toBe(1);
  expect(stderr).toMatch(/there already: .*broker keys stage webapicorso/);
});

test("show has everything of a registration but its key", async () => {
  const key = await local.add("shown");

  const { stdout } = await local.broker(["connections", "show", "shown"]);

  expect(stdout).toMatch(/username +admin_shown\n/);
  expect(stdout).toMatch(/keyFingerprint +[0-9a-f]{16}\n/);
  expect(stdout).not.toContain(key);
  expect(stdout).not.toContain("apiKey");
});

test("set changes fields of a registration, proves it, and keeps its key and account", async () => {
  const key = await local.add("set", "--max-lifetime", "600");
  const before = await local.json<Shown>(["connections", "show", "set"]);

  const said = await local.json(["connections", "set", "set", "--max-lifetime", "900", "--single-active-token"]);
  const after = await local.json<Shown>(["connections", "show", "set"]);
  const undone = await local.json(["connections", "set", "set", "--no-single-active-token"]);
  const { registration } = await local.json<Shown>(["connections", "show", "set"]);

  expect(said).toEqual({ connection: "set", maxLifetime: 900, singleActiveToken: true });
  expect(after.registration).toEqual({ ...before.registration, maxLifetime: 900, singleActiveToken: true });
  expect(undone).toEqual({ connection: "set", singleActiveToken: false });
  expect(registration).toMatchObject({ maxLifetime: 900, singleActiveToken: false });
  expect(JSON.stringify([said, after, undone])).not.toContain(key);
});

test("set takes back nothing that was put or rotated meanwhile, and says to repeat it", async () => {
  await local.add("raced");
  await local.scenario({ mode: "slow", delaySeconds: 3 });
  const { exchange } = await simulated();
  const set = local.broker(["connections", "set", "raced", "--language", "en-GB"]);
  await expect.poll(async () => (await simulated()).exchange, { interval: 20 }).toBeGreaterThan(exchange);
  const client = new SecretsManager({ endpoint: local.run.url("secretsmanager"), region, credentials: operator });
  const SecretId = "smart-token-broker/dev/raced";
  const SecretString = JSON.stringify({ ...account("raced"), apiKey: "fake-key-2" });
  await client.putSecretValue({ SecretId, SecretString });

  const { status, stderr } = await set;
  await local.scenario({ mode: "ok" });

  expect(stderr).toBe("error: The secret of raced was changed meanwhile: repeat this.\n");
  expect(status).toBe(1);
  expect(await client.getSecretValue({ SecretId })).toMatchObject({ SecretString });
});

test("set waits for no rotation that is unfinished, and does not end it", async () => {
  await local.add("unfinished");
  const client = new SecretsManager({ endpoint: local.run.url("secretsmanager"), region, credentials: operator });
  const SecretId = "smart-token-broker/dev/unfinished";
  await client.putSecretValue({ SecretId, SecretString: "{}", VersionStages: ["AWSPENDING"] });

  const { status, stderr } = await local.broker(["connections", "set", "unfinished", "--language", "en-GB"]);

  expect(stderr).toMatch(/^error: A rotation of unfinished is under way: .*\n$/);
  expect(status).toBe(1);
});

test("a registration whose tokens would count as expired at once is not taken", async () => {
  await local.add("brief");

  const { status, stderr } = await local.broker(["connections", "set", "brief", "--max-lifetime", "5"]);

  expect(stderr).toMatch(/^error: Its tokens live 5 s: .*\n$/);
  expect(status).toBe(1);
});

test.each<[string[], number, RegExp]>([
  [[], 2, /Name what to change/],
  [["--base-url", "http://fake.example"], 2, /field baseUrl must start with https/],
  [["--base-url", "http://127.0.0.1:1"], 5, /does not answer as it should/],
  [["--max-lifetime", "0"], 2, /--max-lifetime must be a whole number/],
])("set with %j changes nothing, and says why", async (options, code, complaint) => {
  await local.add("unset").catch(() => undefined);
  const before = await local.json<Shown>(["connections", "show", "unset"]);

  const { status, stderr } = await local.broker(["connections", "set", "unset", ...options]);

  expect(stderr).toMatch(complaint);
  expect(status).toBe(code);
  expect(await local.json<Shown>(["connections", "show", "unset"])).toMatchObject({
    registration: before.registration,
  });
});

test("renew makes a connection due, and says so where there is nothing to renew yet", async () => {
  await local.add("renewed");
  const before = await local.json(["connections", "renew", "renewed"]);
  await local.broker(["token", "get", "renewed"]);

  const after = await local.json(["connections", "renew", "renewed"]);

  expect(before).toEqual({ connection: "renewed", due: false });
  expect(after).toEqual({ connection: "renewed", due: true });
  expect(await statusOf("renewed")).toMatchObject({
    state: "due",
    next_action: { what: "replacement by refresh token within a minute" },
  });
});

test("remove takes the tokens at once and the secret later; add restores it", async () => {
  await local.add("gone");
  await local.broker(["token", "get", "gone"]);

  const removed = await local.json(["connections", "remove", "gone", "--recovery-days", "7", "--yes"]);

  expect(removed).toEqual({ connection: "gone", recovery_days: 7, erased: true });
  expect(await listed("gone")).toMatchObject({ secret: "deleted", state: "not_ready" });
  expect(await statusOf("gone")).toMatchObject({ generation: 2 });
  expect(await statusOf("gone")).not.toHaveProperty("access_token_expires_at");

  await local.add("gone", "--yes");

  expect(await listed("gone")).toMatchObject({ secret: "present", rotation: true });
  expect(await listed("gone")).toMatchObject({ state: "no token yet" });
  const { stdout } = await local.broker(["doctor"]);
  expect(stdout).toMatch(/^ok +gone: .*no token of it was got yet$/m);
});

test("add overwrites a value that is no registration, after asking", async () => {
  const client = new SecretsManager({ endpoint: local.run.url("secretsmanager"), region, credentials: operator });
  await client.createSecret({ Name: "smart-token-broker/dev/unusable", SecretString: '{"scope": 5}' });
  const { username, scope } = account("unusable");
  const key = await local.issueKey("unusable");
  const add = ["connections", "add", "unusable", "--username", username, "--scope", scope, "--key-file", "-"];

  const asked = await local.broker(add, key);
  const refused = await local.broker(["token", "get", "unusable"]);
  const status = await local.broker(["status", "unusable"]);
  const done = await local.broker([...add, "--yes"], key);
  const shown = await local.json<{ registration: object; problem?: string }>(["connections", "show", "unusable"]);

  expect(asked).toMatchObject({ status: 2, stderr: expect.stringContaining("Overwrite it?") as string });
  expect(refused.stderr).toMatch(/^error: connection_not_ready: .*\(see broker connections show unusable\)/);
  expect(status.stderr).toContain("broker connections show unusable");
  expect(done.status).toBe(0);
  expect(shown).toMatchObject({ registration: { username } });
  expect(shown).not.toHaveProperty("problem");
});

test("a whole registration goes with no part of one", async () => {
  const { status, stderr } = await local.broker(
    ["connections", "add", "x", "--file", "-", "--base-url", "https://a.b"],
    "{}",
  );

  expect(status).toBe(2);
  expect(stderr).toContain("--file is the whole registration");
});

test("remove says what else has a secret that the stack made", async () => {
  const { stdout } = await local.broker(["connections", "remove", "webapicorso", "--yes"]);
  await local.add("other");
  const other = await local.broker(["connections", "remove", "other", "--yes"]);

  expect(stdout).toContain("take webapicorso off connections in cdk.json too");
  expect(other.stdout).not.toContain("cdk.json");
});

test("nothing destructive is done without a yes", async () => {
  await local.add("kept");

  const { status, stderr } = await local.broker(["connections", "remove", "kept"]);

  expect(status).toBe(2);
  expect(stderr).toMatch(/^error: .*--yes\.\n$/);
  expect(await listed("kept")).toMatchObject({ secret: "present" });
});

test("a rejected token is replaced by another one, and too many of them are told to wait", async () => {
  await local.add("rejecting");
  const { stdout: token } = await local.broker(["token", "get", "rejecting"]);

  const early = await local.broker(["token", "reject", "rejecting", "--token-file", "-"], token);
  const other = await local.broker(["token", "reject", "rejecting", "--token-file", "-"], "fake-token-1");

  expect(early.status).toBe(1);
  expect(early.stderr).toMatch(/^error: too_soon: .*again in \d+ s\)\n$/);
  expect(other).toMatchObject({ status: 0, stdout: token, stderr: "" });
});

test("what takes over a second says so, on stderr", async () => {
  const { username, scope } = account("slow");
  const key = await local.issueKey("slow");
  await local.scenario({ mode: "slow", delaySeconds: 1.5 });

  const add = ["connections", "add", "slow", "--username", username, "--scope", scope, "--key-file", "-"];
  const { status, progress } = await local.broker(add, key);
  const silent = await local.broker(["connections", "set", "slow", "--language", "de-DE", "--json"]);
  await local.scenario({ mode: "ok" });

  expect(status).toBe(0);
  expect(progress).toContain(`asking ${local.run.url("simulator")} for a token …\n`);
  // There it would not be JSON.
  expect(silent).toMatchObject({ status: 0, progress: "", stderr: "" });
});

test("where Smart Services do not answer, nothing is stored and the way round is named", async () => {
  const { username, scope } = account("down");
  const key = await local.issueKey("down");
  const add = ["connections", "add", "down", "--username", username, "--scope", scope, "--key-file", "-"];
  await local.scenario({ mode: "unavailable" });

  const refused = await local.broker(add, key);
  const skipped = await local.broker([...add, "--skip-exchange"], key);
  await local.scenario({ mode: "ok" });

  expect(refused).toMatchObject({ status: 5, stderr: expect.stringContaining("--skip-exchange") as string });
  expect(skipped).toMatchObject({ status: 0, stdout: expect.stringContaining("not proved") as string });
});
