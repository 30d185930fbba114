import { afterAll, beforeAll, expect, test } from "vitest";
import { addCommand, expectError, LocalBroker, secretName } from "./harness.ts";

const local = new LocalBroker();
/** Key of each connection with rotation on. To turn that on takes two seconds, so they are added at once. */
const keys: Record<string, string> = {};
beforeAll(async () => {
  await local.start();
  const issuer = ["--key-issuer", `${local.run.url("simulator")}/keys`];
  const ids = ["acme", "waits", "twice", "bad", "down", "stuck"];
  const options = {
    single: ["--single-active-token"],
    issued: issuer,
    ...Object.fromEntries(ids.map((id) => [id, []])),
  };
  const adding = Object.entries(options).map(async ([id, more]) => {
    keys[id] = await local.addRotating(id, ...more);
  });
  await Promise.all([...adding, addRejected("mistyped"), addRejected("scheduled"), local.add("later")]);
});
afterAll(() => local.remove());

const currentKey = async (id: string) => {
  const { SecretString = "" } = await local.secrets.getSecretValue({ SecretId: secretName(id) });
  return (JSON.parse(SecretString) as { apiKey: string }).apiKey;
};
const keysOf = async (id: string) => (await local.json<object[]>(["keys", "status", id]))[0];

test("keys stage makes the next key the current one", async () => {
  const next = await local.issueKey("acme");

  const { status, stdout } = await local.broker(["keys", "stage", "acme", "--key-file", "-"], next);

  expect(status).toBe(0);
  expect(stdout).toMatch(/^The new key of acme \([0-9a-f]{16}\) is current/);
  expect(await currentKey("acme")).toBe(next);
  expect(await keysOf("acme")).toMatchObject({ next_staged: false, unfinished: false, rotation: true });
});

test("keys rotate rotates to a key that was staged for the schedule", async () => {
  const next = await local.issueKey("waits");

  await local.json(["keys", "stage", "waits", "--key-file", "-", "--wait-for-schedule"], next);

  expect(await currentKey("waits")).toBe(keys["waits"]);
  expect(await keysOf("waits")).toMatchObject({ next_staged: true });
  expect(await local.json(["keys", "rotate", "waits"])).toMatchObject({ resumed: false });
  expect(await currentKey("waits")).toBe(next);
});

/** A connection whose key Smart Services has rejected. */
async function addRejected(id: string, ...more: string[]) {
  await local.json([...addCommand(id), "--skip-exchange", ...more], "fake-key-1");
  await local.broker(["token", "get", id]);
}

test("keys stage and status say that the next attempt uses a key that replaces a rejected one", async () => {
  const next = await local.issueKey("mistyped");
  const before = await local.broker(["status", "mistyped"]);

  const staged = await local.broker(["keys", "stage", "mistyped", "--key-file", "-"], next);
  const after = await local.broker(["status", "mistyped"]);
  const all = await local.broker(["status"]);
  const { stdout: found } = await local.broker(["doctor"]);

  expect(found).toMatch(/^broken +mistyped: rejected, .*\n +fix: npx broker status mistyped /m);
  expect(before.stdout).toMatch(/^rejected .* Stage a valid key: npx broker keys stage mistyped /);
  expect(staged.stdout).toMatch(
    / is current\. The next attempt, within a minute, uses it\.\nThe event api_key_retirable /,
  );
  const said = /A key was stored at (\d+ [A-Z]\w+, )?\d\d:\d\dZ\. The next attempt, within a minute, uses it\.\n/;
  expect(after.stdout).toMatch(new RegExp(`^rejected .* Callers get an error\\. ${said.source}`));
  expect(all.stdout).toMatch(
    new RegExp(`^mistyped: Smart Services rejected .* Callers get an error\\.\n  ${said.source}`, "m"),
  );
});

test("status promises no new key for one that only the schedule will rotate to, or for the same one", async () => {
  await addRejected("the-same", "--rotate-every-days", "0");
  const stage = ["keys", "stage", "scheduled", "--key-file", "-", "--wait-for-schedule"];

  const staged = await local.broker(stage, await local.issueKey("scheduled"));
  await local.json(["connections", "set", "the-same", "--language", "de-DE", "--skip-exchange"]);
  const { stdout } = await local.broker(["status", "scheduled"]);
  const { stdout: same } = await local.broker(["status", "the-same"]);

  expect(same).toMatch(/^rejected .* The connection is due now; /);

  expect(staged.stdout).toMatch(/^Staged the next key of scheduled .* The schedule rotates to it\.\n$/);
  expect(stdout).toMatch(
    /^rejected .* The connection is due now; .* If it fails too, stage a valid key: npx broker keys /,
  );
  expect(stdout).not.toContain("A key was stored");
});

test("keys stage renews the callers' token even if it fails, because it may have invalidated it", async () => {
  await local.broker(["token", "get", "single"]);
  await local.scenario({ singleActiveToken: true, failEvery: 2, mode: "unavailable", on: "exchange" });
  await local.json(["connections", "show", "single"]);

  const { status } = await local.broker(["keys", "stage", "single", "--key-file", "-"], await local.issueKey("single"));
  await local.scenario({ singleActiveToken: false, failEvery: 1, mode: "ok", on: "both" });

  expect(status).not.toBe(0);
  expect(await local.json(["status", "single"])).toMatchObject({ state: "due" });
});

test("keys stage replaces a staged key only after confirmation", async () => {
  const stage = ["keys", "stage", "twice", "--key-file", "-", "--wait-for-schedule"];
  const next = await local.issueKey("twice");
  await local.json(stage, await local.issueKey("twice"));

  const unconfirmed = await local.broker(stage, next);
  const replaced = await local.broker([...stage, "--yes"], next);
  await local.json(["keys", "rotate", "twice"]);

  expectError(unconfirmed, 2, /Replace it\?/);
  expect(replaced.status).toBe(0);
  expect(await currentKey("twice")).toBe(next);
});

test.each([
  ["the current key", () => keys["bad"], /the current key/],
  ["a malformed key", () => "fake key", /apiKey contains a space/],
])("keys stage rejects %s before it stages anything", async (_, key, message) => {
  const result = await local.broker(["keys", "stage", "bad", "--key-file", "-"], key());

  expectError(result, 2, message);
  expect(result.stderr).not.toContain(keys["bad"]);
  expect(await keysOf("bad")).toMatchObject({ next_staged: false });
});

test("keys stage stages no rejected key, and an unverified one does not become current", async () => {
  const tried = await local.broker(["keys", "stage", "bad", "--key-file", "-"], "fake-key-2");
  const after = await keysOf("bad");
  const stage = ["keys", "stage", "bad", "--key-file", "-", "--skip-exchange"];
  const untried = await local.broker(stage, "fake-key-2");

  expectError(tried, 4, /\/_simulator\/keys/);
  expect(after).toMatchObject({ next_staged: false });
  expectError(
    untried,
    1,
    /^error: The rotation of bad failed\. The current key stays in use\. Smart Services rejected /,
  );
  expect(untried.stderr).not.toContain("fake-key-2");
  expect(await currentKey("bad")).toBe(keys["bad"]);
});

test("keys stage says why a rotation failed without --skip-exchange as advice: a rotation always tests", async () => {
  const next = await local.issueKey("down");
  await local.scenario({ mode: "unavailable", on: "exchange" });

  const result = await local.broker(["keys", "stage", "down", "--key-file", "-", "--skip-exchange"], next);
  await local.scenario({ mode: "ok", on: "both" });

  expectError(
    result,
    1,
    /^error: The rotation of down failed\. .* is unavailable \(HTTP 503\)\. Retry later\. Rotate to it again: npx broker keys rotate down /,
  );
});

test("keys stage rejects a secret without a current value, in which the next key would become current", async () => {
  await local.secrets.createSecret({ Name: secretName("empty") });

  const result = await local.broker(["keys", "stage", "empty", "--key-file", "-"], "fake-key-3");

  expectError(result, 1, /no current key\. .*broker connections add empty/);
});

test("keys rotate and keys stage say that a next key, or rotation, is missing", async () => {
  await local.add("none");
  const bare = await local.broker(["keys", "rotate", "none"]);
  const off = await local.broker(["keys", "stage", "none", "--key-file", "-"], await local.issueKey("none"));
  const staged = await keysOf("none");
  const next = { SecretString: await local.issueKey("none"), VersionStages: ["NEXT"] };
  await local.secrets.putSecretValue({ SecretId: secretName("none"), ...next });
  const on = await local.json(["keys", "rotate", "none", "--every-days", "30"]);

  expectError(bare, 1, /broker keys stage none/);
  expectError(off, 1, /--every-days 90/);
  expect(staged).toMatchObject({ next_staged: false });
  expect(on).toMatchObject({ connection: "none" });
  expect(await keysOf("none")).toMatchObject({ rotation: true });
});

test("keys rotate --every-days --wait-for-schedule turns rotation on and does not rotate", async () => {
  const before = await keysOf("later");

  const alone = await local.broker(["keys", "rotate", "later", "--wait-for-schedule"]);
  const on = await local.json(["keys", "rotate", "later", "--every-days", "30", "--wait-for-schedule"]);

  expectError(alone, 2, /--every-days/);
  expect(on).toEqual({ connection: "later", rotate_every_days: 30 });
  expect(before).toMatchObject({ rotation: false });
  expect(await keysOf("later")).toMatchObject({ rotation: true });
});

test("keys rotate cancels an unfinished rotation after confirmation, and rotates to the next key", async () => {
  const pending = { SecretString: "{}", VersionStages: ["AWSPENDING"] };
  await local.secrets.putSecretValue({ SecretId: secretName("stuck"), ...pending });
  const unstaged = await local.broker(["keys", "rotate", "stuck"]);
  const next = await local.issueKey("stuck");
  await local.json(["keys", "stage", "stuck", "--key-file", "-", "--wait-for-schedule"], next);

  const unconfirmed = await local.broker(["keys", "rotate", "stuck"]);
  const dropped = await local.broker(["keys", "rotate", "stuck", "--yes"]);

  expectError(unstaged, 1, /Stage one: npx broker keys stage stuck --wait-for-schedule /);
  expectError(unconfirmed, 2, /--yes/);
  expect(dropped).toMatchObject({ status: 0, stderr: "" });
  expect(await currentKey("stuck")).toBe(next);
});

test("keys rotate resumes an unfinished rotation with a key from an issuer, without a staged key", async () => {
  const token = "11111111-2222-4333-8444-555555555555";
  const SecretId = secretName("issued");
  const { SecretString } = await local.secrets.getSecretValue({ SecretId });
  await local.secrets.putSecretValue({
    SecretId,
    ClientRequestToken: token,
    SecretString: SecretString?.replace(keys["issued"] ?? "", await local.issueKey("issued")),
    VersionStages: ["AWSPENDING"],
  });

  const rotated = await local.json(["keys", "rotate", "issued"]);

  expect(rotated).toMatchObject({ resumed: true });
  const { VersionIdsToStages } = await local.secrets.describeSecret({ SecretId });
  expect(VersionIdsToStages?.[token]).toEqual(["AWSCURRENT"]);
});
