import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { withProgress } from "../../cli/terminal/progress.ts";
import { runInProcess } from "../support/in-process.ts";
import { account, addCommand, expectError, LocalBroker, secretName } from "./harness.ts";

const local = new LocalBroker();
type Shown = { registration: object };
beforeAll(() => local.start());
afterAll(() => local.remove());

const statusOf = (id: string) => local.json<{ state: string; generation: number }>(["status", id]);
const listed = async (id: string) => {
  const all = await local.json<{ connection: string }[]>(["connections", "list"]);
  return all.find(({ connection }) => connection === id);
};

test("connections add makes a connection that answers its first request and is listed before it", async () => {
  const added = await local.broker(addCommand("acme"), `${await local.issueKey("acme")}\n`);

  expect(added).toMatchObject({ status: 0, stderr: "" });
  expect(added.stdout).toContain("Added acme. Smart Services accepted the key; tokens last 1 hour.");
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

test("connections add stores the registration of a file as it is", async () => {
  const registration = { ...account("file"), apiKey: await local.issueKey("file"), maxLifetime: 900 };

  await local.json(
    ["connections", "add", "file", "--file", "-", "--rotate-every-days", "0"],
    JSON.stringify(registration),
  );

  const shown = await local.json<{ registration: object; rotation: boolean }>(["connections", "show", "file"]);
  expect(shown).toMatchObject({ rotation: false, registration: { maxLifetime: 900, scope: "file_alyfile" } });
  expect(shown.registration).not.toHaveProperty("apiKey");
});

test("connections add stores no values that Smart Services rejects", async () => {
  const result = await local.broker(addCommand("refused"), "fake-key-1");

  expectError(
    result,
    4,
    /^error: Smart Services rejected .*HTTP 401\)\. .* in the scenario revoked none from before it\. .* curl .*\n$/,
  );
  expect(result.stderr).not.toContain("fake-key-1");
  expect(await listed("refused")).toBeUndefined();
});

test("connections add does not overwrite a usable connection", async () => {
  const result = await local.broker(["connections", "add", "webapicorso", "--yes"]);

  expectError(result, 1, /exists already\. .*broker keys stage webapicorso/);
});

test("connections show prints a registration without its key", async () => {
  const key = await local.add("shown");

  const { stdout } = await local.broker(["connections", "show", "shown"]);

  expect(stdout).toMatch(/username +admin_shown\n/);
  expect(stdout).toMatch(/^  key fingerprint +[0-9a-f]{16}\n/m);
  expect(stdout).not.toContain(key);
  expect(stdout).not.toMatch(/^ +(apiKey|api key) /m);
  // One spelling of fields, those of the registration and of the status.
  expect(stdout).not.toMatch(/^ +\S*([a-z][A-Z]|_)\S* /m);
});

test("a connection without apiBaseUrl is no connection for calls, and every command says so, until it has one", async () => {
  const withKey = async (...more: string[]) =>
    local.broker([...addCommand("no-api"), ...more], await local.issueKey("no-api"));
  const added = await withKey("--rotate-every-days", "0");
  await local.broker(["token", "get", "no-api"]);
  const why = "Calls of local-calls and 1 more get HTTP 409: no-api has no apiBaseUrl.";
  const texts = async () => {
    const commands = [["status"], ["status", "no-api"], ["doctor"]];
    const printed = await Promise.all(commands.map(async (args) => (await local.broker(args)).stdout));
    return [...printed, await (await fetch(`${local.run.url("ready")}/_dashboard/data?range=600`)).text()];
  };

  const before = await texts();
  const set = await local.broker(["connections", "set", "no-api", "--api-base-url", local.run.url("simulator")]);
  await local.json(["connections", "renew", "no-api", "--wait"]);

  const fix = `npx broker connections set no-api --api-base-url URL --local-url ${local.run.url("ready")}`;
  expect(added.stdout).toContain(`\nwarning: ${why} Set it: ${fix}\n`);
  for (const text of before) expect([text.includes(why), text.includes(fix)]).toEqual([true, true]);
  expect(set.stdout).toMatch(/\nCalls use it within about two minutes: /);
  for (const text of await texts()) expect(text).not.toContain(why);
});

test("connections set changes fields of a registration, and keeps its key and account", async () => {
  const key = await local.add("set", "--max-lifetime", "600");
  const before = await local.json<Shown>(["connections", "show", "set"]);

  const changed = await local.json(["connections", "set", "set", "--max-lifetime", "900", "--single-active-token"]);
  const after = await local.json<Shown>(["connections", "show", "set"]);
  const undone = await local.json(["connections", "set", "set", "--no-single-active-token"]);
  const { registration } = await local.json<Shown>(["connections", "show", "set"]);

  expect(changed).toEqual({ connection: "set", maxLifetime: 900, singleActiveToken: true });
  expect(after.registration).toEqual({ ...before.registration, maxLifetime: 900, singleActiveToken: true });
  expect(undone).toEqual({ connection: "set", singleActiveToken: false });
  expect(registration).toMatchObject({ maxLifetime: 900, singleActiveToken: false });
  expect(JSON.stringify([changed, after, undone])).not.toContain(key);
});

test("connections set does not overwrite a value that was put meanwhile", async () => {
  await local.add("raced");
  await local.scenario({ mode: "slow", delaySeconds: 1.5 });
  const { exchange } = await local.counts();
  const set = local.broker(["connections", "set", "raced", "--language", "en-GB"]);
  await expect.poll(async () => (await local.counts()).exchange, { interval: 20 }).toBeGreaterThan(exchange);
  const SecretId = secretName("raced");
  const SecretString = JSON.stringify({ ...account("raced"), apiKey: "fake-key-2" });
  await local.secrets.putSecretValue({ SecretId, SecretString });

  expectError(await set, 1, /^error: The secret of raced has changed meanwhile\. Run the command again\.\n$/);
  await local.scenario({ mode: "ok" });
  expect(await local.secrets.getSecretValue({ SecretId })).toMatchObject({ SecretString });
});

test("connections set fails while a rotation is unfinished", async () => {
  await local.add("unfinished");
  const pending = { SecretString: "{}", VersionStages: ["AWSPENDING"] };
  await local.secrets.putSecretValue({ SecretId: secretName("unfinished"), ...pending });

  const result = await local.broker(["connections", "set", "unfinished", "--language", "en-GB"]);

  expectError(result, 1, /^error: A rotation of unfinished is unfinished\. .*\n$/);
});

test.each<[string[], number, RegExp]>([
  [[], 2, /Nothing to change/],
  [["--base-url", "http://fake.example"], 2, /field baseUrl must start with https/],
  [["--base-url", "http://127.0.0.1:1"], 5, /is unavailable \(ECONNREFUSED\)/],
  [["--max-lifetime", "0"], 2, /--max-lifetime must be a whole number/],
  [["--max-lifetime", "5"], 1, /^error: Tokens last 5 s, and the broker treats .* as expired\. /],
])("connections set %j changes nothing, and says why", async (options, code, message) => {
  await local.add("unset").catch(() => undefined);
  const before = await local.json<Shown>(["connections", "show", "unset"]);

  expectError(await local.broker(["connections", "set", "unset", ...options]), code, message);
  expect(await local.json<Shown>(["connections", "show", "unset"])).toMatchObject({
    registration: before.registration,
  });
});

test("connections renew makes a connection due, and says if it has no token yet", async () => {
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

test("connections remove deletes the tokens now and the secret later, and connections add restores it", async () => {
  await local.add("gone");
  await local.broker(["token", "get", "gone"]);

  const removed = await local.json(["connections", "remove", "gone", "--recovery-days", "7", "--yes"]);

  expect(removed).toEqual({ connection: "gone", recovery_days: 7, erased: true });
  expect(await listed("gone")).toMatchObject({ secret: "deleted", state: "removed" });
  expect((await local.broker(["status", "gone"])).stdout).toMatch(/^removed +Removed at \d\d:\d\dZ\. Callers get/);
  expect(await statusOf("gone")).toMatchObject({ generation: 2 });
  expect(await statusOf("gone")).not.toHaveProperty("access_token_expires_at");

  expectError(await local.broker(addCommand("gone"), "fake-key-1"), 2, /Restore it .*--yes\.\n$/);
  await local.addRotating("gone", "--yes");

  expect(await statusOf("gone")).toMatchObject({ state: "due", generation: 2, retiring_keys: [{}] });
  expect(await statusOf("gone")).not.toHaveProperty("last_error");
  expect(await listed("gone")).toMatchObject({ secret: "present", rotation: true });
  expect(await listed("gone")).toMatchObject({ state: "no token yet" });
  const { stdout } = await local.broker(["doctor"]);
  expect(stdout).toMatch(/^ok +gone: .*no token yet$/m);
});

test("connections add overwrites an unusable value after confirmation", async () => {
  await local.secrets.createSecret({ Name: secretName("unusable"), SecretString: '{"scope": 5}' });
  const key = await local.issueKey("unusable");
  const add = [...addCommand("unusable"), "--rotate-every-days", "0"];

  const unconfirmed = await local.broker(add, key);
  const refused = await local.broker(["token", "get", "unusable"]);
  const status = await local.broker(["status", "unusable"]);
  const done = await local.broker([...add, "--yes"], key);
  const shown = await local.json<{ registration: object; problem?: string }>(["connections", "show", "unusable"]);

  expect(unconfirmed).toMatchObject({ status: 2, stderr: expect.stringContaining("Overwrite it?") as string });
  expect(refused.stderr).toMatch(/^error: connection_not_ready: .* See npx broker connections show unusable /);
  expect(status.stderr).toContain("broker connections show unusable");
  expect(done.status).toBe(0);
  expect(shown).toMatchObject({ registration: account("unusable") });
  expect(shown).not.toHaveProperty("problem");
});

test("connections remove says that a secret of the stack is listed in the settings", async () => {
  const { stdout } = await local.broker(["connections", "remove", "webapicorso", "--yes"]);
  await local.add("other");
  const other = await local.broker(["connections", "remove", "other", "--yes"]);

  expect(stdout).toContain("Remove webapicorso from connections in settings/dev.json too");
  expect(other.stdout).not.toContain("settings");
});

test("token reject prints another token, and says how long to wait after too many reports", async () => {
  await local.add("rejecting");
  const { stdout: token } = await local.broker(["token", "get", "rejecting"]);

  const early = await local.broker(["token", "reject", "rejecting", "--token-file", "-"], token);
  const other = await local.broker(["token", "reject", "rejecting", "--token-file", "-"], "fake-token-1");

  expectError(early, 5, /^error: too_soon: .*, or retry in \d+ s\. See npx broker status .*\n$/);
  expect(other).toMatchObject({ status: 0, stdout: token, stderr: "" });
});

test.each([
  [[], "Fake activity …\nFake activity: nothing for 5 s, still waiting …\n"],
  [["--json"], ""],
])(
  "a command with %j prints on stderr what it waits for if that takes over a second, and again after five",
  async (args, progress) => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const main = async () => {
      const awaited = Promise.withResolvers<number>();
      const waiting = withProgress("Fake activity", awaited.promise);
      vi.advanceTimersByTime(5000);
      awaited.resolve(0);
      return waiting;
    };

    expect(await runInProcess(main, args, { stdin: "", env: {} })).toMatchObject({ stderr: progress });
  },
);

test("connections add stores nothing if Smart Services is unavailable, unless --skip-exchange is set", async () => {
  const key = await local.issueKey("down");
  await local.scenario({ mode: "unavailable" });

  const refused = await local.broker(addCommand("down"), key);
  const stored = await listed("down");
  const skipped = await local.broker([...addCommand("down"), "--skip-exchange", "--rotate-every-days", "0"], key);
  await local.scenario({ mode: "ok" });

  expectError(refused, 5, /is unavailable .*--skip-exchange/);
  expect(stored).toBeUndefined();
  expect(skipped).toMatchObject({ status: 0, stdout: expect.stringContaining("not verified") as string });
});

test("connections list has all connections, also those after a page of Secrets Manager", async () => {
  const ids = Array.from({ length: 101 }, (_, index) => `many-${index}`);
  await Promise.all(ids.map((id) => local.secrets.createSecret({ Name: secretName(id) })));

  const all = await local.json<{ connection: string }[]>(["connections", "list"]);

  expect(all.map(({ connection }) => connection)).toEqual(expect.arrayContaining(ids));
});
