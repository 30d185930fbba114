import { SecretsManager } from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, expect, test } from "vitest";
import { operator, region } from "../local/run-harness.ts";
import { LocalBroker } from "./harness.ts";

const local = new LocalBroker();
beforeAll(() => local.start());
afterAll(() => local.run.remove());

const secrets = () => new SecretsManager({ endpoint: local.run.url("secretsmanager"), region, credentials: operator });
const nameOf = (id: string) => `smart-token-broker/dev/${id}`;
const currentKey = async (id: string) => {
  const { SecretString = "" } = await secrets().getSecretValue({ SecretId: nameOf(id) });
  return (JSON.parse(SecretString) as { apiKey: string }).apiKey;
};
const keysOf = async (id: string) => (await local.json<object[]>(["keys", "status", id]))[0];

test("a staged key becomes the current one", async () => {
  await local.addRotating("acme");
  const next = await local.issueKey("acme");

  const { status, stdout } = await local.broker(["keys", "stage", "acme", "--key-file", "-"], next);

  expect(status).toBe(0);
  expect(stdout).toMatch(/^The new key of acme \([0-9a-f]{16}\) is current/);
  expect(await currentKey("acme")).toBe(next);
  expect(await keysOf("acme")).toMatchObject({ next_staged: false, unfinished: false, rotation: true });
});

test("a key can wait for the schedule, and be rotated by hand after all", async () => {
  const old = await local.addRotating("waits");
  const next = await local.issueKey("waits");

  await local.json(["keys", "stage", "waits", "--key-file", "-", "--wait-for-schedule"], next);

  expect(await currentKey("waits")).toBe(old);
  expect(await keysOf("waits")).toMatchObject({ next_staged: true });
  expect(await local.json(["keys", "rotate", "waits"])).toMatchObject({ resumed: false });
  expect(await currentKey("waits")).toBe(next);
});

test("a key that was tried where one token lives has the callers' token renewed, whatever came of it", async () => {
  await local.addRotating("single", "--single-active-token");
  await local.broker(["token", "get", "single"]);
  await local.mood({ singleActiveToken: true, failEvery: 2, mode: "unavailable", on: "exchange" });
  await local.json(["connections", "show", "single"]);

  const { status } = await local.broker(["keys", "stage", "single", "--key-file", "-"], await local.issueKey("single"));
  await local.mood({ singleActiveToken: false, failEvery: 1, mode: "ok", on: "both" });

  expect(status).not.toBe(0);
  expect(await local.json(["status", "single"])).toMatchObject({ state: "due" });
});

test("a next key that is staged is replaced after a yes alone", async () => {
  await local.addRotating("twice");
  const stage = ["keys", "stage", "twice", "--key-file", "-", "--wait-for-schedule"];
  const next = await local.issueKey("twice");
  await local.json(stage, await local.issueKey("twice"));

  const asked = await local.broker(stage, next);
  const replaced = await local.broker([...stage, "--yes"], next);
  await local.json(["keys", "rotate", "twice"]);

  expect(asked).toMatchObject({ status: 2, stderr: expect.stringContaining("Replace it?") as string });
  expect(replaced.status).toBe(0);
  expect(await currentKey("twice")).toBe(next);
});

test("a key that Smart Services refuse is not staged, and one that is staged untried does not become current", async () => {
  const old = await local.addRotating("bad");

  const tried = await local.broker(["keys", "stage", "bad", "--key-file", "-"], "fake-key-2");
  const after = await keysOf("bad");
  const stage = ["keys", "stage", "bad", "--key-file", "-", "--skip-exchange"];
  const { status, stderr } = await local.broker(stage, "fake-key-2");

  expect(tried).toMatchObject({ status: 4, stderr: expect.stringContaining("/_simulator/keys") as string });
  expect(after).toMatchObject({ next_staged: false });
  expect(status).toBe(1);
  expect(stderr).toMatch(
    /^error: The rotation of bad failed, and the current key stands: Smart Services refused .*\n$/,
  );
  expect(stderr).not.toContain("fake-key-2");
  expect(await currentKey("bad")).toBe(old);
});

test.each([
  ["the current key", (key: string) => key, /the current key/],
  ["a malformed key", () => "fake key", /apiKey contains a space/],
])("%s is refused before anything is staged", async (what, of, complaint) => {
  const id = what.replaceAll(" ", "-");
  const key = await local.addRotating(id);

  const { status, stderr } = await local.broker(["keys", "stage", id, "--key-file", "-"], of(key));

  expect(status).toBe(2);
  expect(stderr).toMatch(complaint);
  expect(stderr).not.toContain(key);
  expect(await keysOf(id)).toMatchObject({ next_staged: false });
});

test("a secret without a current value takes no next key: it would become the current one", async () => {
  await secrets().createSecret({ Name: nameOf("empty") });

  const { status, stderr } = await local.broker(["keys", "stage", "empty", "--key-file", "-"], "fake-key-3");

  expect(status).toBe(1);
  expect(stderr).toMatch(/no current key: broker connections add empty/);
});

test("without a next key, and without rotation, rotate says what is missing", async () => {
  await local.add("none");
  const bare = await local.broker(["keys", "rotate", "none"]);
  const off = await local.broker(["keys", "stage", "none", "--key-file", "-"], await local.issueKey("none"));
  const staged = await keysOf("none");
  await secrets().putSecretValue({
    SecretId: nameOf("none"),
    SecretString: await local.issueKey("none"),
    VersionStages: ["NEXT"],
  });
  const on = await local.json(["keys", "rotate", "none", "--every-days", "30"]);

  expect(bare).toMatchObject({ status: 1, stderr: expect.stringContaining("broker keys stage none") as string });
  expect(off).toMatchObject({ status: 1, stderr: expect.stringContaining("--every-days 90") as string });
  expect(staged).toMatchObject({ next_staged: false });
  expect(on).toMatchObject({ connection: "none" });
  expect(await keysOf("none")).toMatchObject({ rotation: true });
});

test("rotation is switched on without rotating now, as a doctor's mend does", async () => {
  await local.add("later");
  const before = await keysOf("later");

  const alone = await local.broker(["keys", "rotate", "later", "--wait-for-schedule"]);
  const on = await local.json(["keys", "rotate", "later", "--every-days", "30", "--wait-for-schedule"]);

  expect(alone).toMatchObject({ status: 2, stderr: expect.stringContaining("--every-days") as string });
  expect(on).toEqual({ connection: "later", rotate_every_days: 30 });
  expect(before).toMatchObject({ rotation: false });
  expect(await keysOf("later")).toMatchObject({ rotation: true });
});

test("an unfinished rotation is dropped after a yes, and the next key rotated", async () => {
  await local.addRotating("stuck");
  await secrets().putSecretValue({
    SecretId: nameOf("stuck"),
    SecretString: "{}",
    VersionStages: ["AWSPENDING"],
  });
  const next = await local.issueKey("stuck");
  await local.json(["keys", "stage", "stuck", "--key-file", "-", "--wait-for-schedule"], next);

  const asked = await local.broker(["keys", "rotate", "stuck"]);
  const dropped = await local.broker(["keys", "rotate", "stuck", "--yes"]);

  expect(asked).toMatchObject({ status: 2, stderr: expect.stringContaining("--yes") as string });
  expect(dropped).toMatchObject({ status: 0, stderr: "" });
  expect(await currentKey("stuck")).toBe(next);
});

test("an issuer's key needs no staging, and its unfinished rotation is gone on with", async () => {
  const simulator = local.run.url("simulator");
  const old = await local.addRotating("issued", "--key-issuer", `${simulator}/keys`);
  const token = "11111111-2222-4333-8444-555555555555";
  await secrets().putSecretValue({
    SecretId: nameOf("issued"),
    ClientRequestToken: token,
    SecretString: (await secrets().getSecretValue({ SecretId: nameOf("issued") })).SecretString?.replace(
      old,
      await local.issueKey("issued"),
    ),
    VersionStages: ["AWSPENDING"],
  });

  const rotated = await local.json(["keys", "rotate", "issued"]);

  expect(rotated).toMatchObject({ resumed: true });
  const { VersionIdsToStages } = await secrets().describeSecret({ SecretId: nameOf("issued") });
  expect(VersionIdsToStages?.[token]).toEqual(["AWSCURRENT"]);
});
