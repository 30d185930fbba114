import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { parsePatch } from "../../local/simulator/scenario.ts";
import { account, broker, expectError, LocalBroker, secretName } from "./harness.ts";

const local = new LocalBroker();
const folder = mkdtempSync(join(tmpdir(), "cli-test-"));
beforeAll(() => local.start());
afterAll(async () => {
  await local.remove();
});
const usual = { mode: "ok", singleActiveToken: false, rotateRefresh: true, refreshTokens: true, lifetime: 3600 };
const usualForm = { opaque: false, expiresIn: "number", shape: "access_token", bom: false, sameToken: false };
afterEach(() => local.scenario({ ...usual, ...usualForm }));

type Found = { level: string; what: string; fix?: string }[];
const probe = (id: string, ...more: string[]) => local.json<Found>(["doctor", "--probe", id, "--yes", ...more]);

test("doctor finds nothing broken in a healthy local run", async () => {
  const findings = await local.json<Found>(["doctor"]);

  expect(findings.map(({ level }) => level)).not.toContain("broken");
  expect(findings).toContainEqual({ level: "ok", what: "The API denies unsigned requests" });
  expect(findings).toContainEqual({
    level: "ok",
    what: "webapicorso: secret readable, key rotation on, token valid",
  });
});

test("doctor finds a rejected key and rotation that is off, with the command that fixes each", async () => {
  const key = await local.add("ill");
  await local.run.simulator("/_simulator/keys/revoke", { apiKey: key });
  await local.broker(["token", "get", "ill"]);

  const { status, stdout } = await local.broker(["doctor"]);
  await local.broker(["connections", "remove", "ill", "--yes"]);

  expect(status).toBe(1);
  // What is broken comes first, and no fix is to run doctor.
  expect(stdout).toMatch(/^broken +ill: rejected, .*\n +fix: npx broker keys stage ill --local-url http:.*\n/);
  expect(stdout).not.toContain("broker doctor");
  expect(stdout).toMatch(
    /^warning +ill: rotation .*\n +fix: npx broker keys rotate ill --every-days 90 --wait-for-schedule --local-url http:.*\n/m,
  );
});

const problemsOf = async (id: string) =>
  (await local.json<Found>(["doctor"])).filter(({ what, level }) => level !== "ok" && what.startsWith(`${id}: `));

test("doctor prints a fix that works as printed", async () => {
  await local.add("off");
  const [off] = await problemsOf("off");

  const [, , ...args] = off?.fix?.split(" ") ?? [];
  const { status } = await broker(args);

  expect(status).toBe(0);
  expect(await problemsOf("off")).toEqual([]);
});

test("doctor finds a rotation that stored no key, with the command that cancels or restarts it", async () => {
  await local.add("stuck");
  const RotationLambdaARN = "arn:aws:lambda:eu-south-1:000000000000:function:missing";
  await local.secrets.rotateSecret({ SecretId: secretName("stuck"), RotationLambdaARN });

  const [unstaged] = await problemsOf("stuck");
  await local.json(["keys", "stage", "stuck", "--key-file", "-", "--wait-for-schedule"], await local.issueKey("stuck"));
  const staged = await problemsOf("stuck");
  const RemoveFromVersionId = / --remove-from-version-id (\S+)/.exec(unstaged?.fix ?? "")?.[1];
  const removal = { SecretId: secretName("stuck"), VersionStage: "AWSPENDING", RemoveFromVersionId };
  await local.secrets.updateSecretVersionStage(removal);

  expect(unstaged?.what).toMatch(
    /^stuck: a rotation has started, and AWSPENDING has no value \(changed (\d+ [A-Z]\w+, )?\d\d:\d\dZ\)\. /,
  );
  expect(unstaged?.fix).toMatch(
    /^aws secretsmanager update-secret-version-stage --secret-id smart-token-broker\/dev\/stuck --version-stage AWSPENDING --remove-from-version-id \S+ --region \S+ --endpoint-url http:.*\d$/,
  );
  expect(staged.map(({ fix }) => fix)).toEqual([expect.stringMatching(/^npx broker keys rotate stuck --local-url/)]);
  expect(await problemsOf("stuck")).toEqual([]);
});

test("doctor --probe renews the callers' token if it cannot tell whether it invalidated it", async () => {
  const key = await local.issueKey("unclear");
  const value = JSON.stringify({ ...account("unclear"), apiKey: key });
  await local.json(["connections", "add", "unclear", "--file", "-", "--rotate-every-days", "0"], value);
  await local.broker(["token", "get", "unclear"]);
  await local.scenario({ singleActiveToken: true });

  const found = await probe("unclear");

  expect(found).toContainEqual({
    level: "warning",
    what: "unclear: cannot check whether a new token invalidates the previous one",
    fix: `npx broker connections set unclear --api-base-url URL --local-url ${local.run.url("ready")}`,
  });
  expect(await local.json(["status", "unclear"])).toMatchObject({
    next_action: { what: "replacement by refresh token within a minute" },
  });
});

test("doctor --probe takes no lifetime from a token that the broker may have invalidated", async () => {
  await local.add("watched");
  await local.scenario({ singleActiveToken: true });
  await local.broker(["token", "get", "watched"]);

  const { business } = await local.counts();
  const probing = probe("watched", "--observe", "6", "--apply", "--save-profile", join(folder, "watched.json"));
  // Requests a token while the probe watches one, as a sweep may do.
  await expect.poll(async () => (await local.counts()).business).toBeGreaterThan(business + 3);
  await local.broker(["connections", "set", "watched", "--language", "de-DE"]);
  const found = await probing;

  expect(JSON.stringify(found)).toMatch(/one became invalid after \d s: it expired, or the broker replaced it/);
  const { registration } = await local.json<{ registration: object }>(["connections", "show", "watched"]);
  expect(registration).not.toHaveProperty("maxLifetime");
  expect(JSON.parse(readFileSync(join(folder, "watched.json"), "utf8"))).toMatchObject({ lifetime: 3600 });
});

test("doctor --save-profile keeps the old file if the probe fails", async () => {
  const file = join(folder, "old.json");
  writeFileSync(file, "{}");
  await local.scenario({ mode: "unavailable" });

  await local.broker(["doctor", "--probe", "webapicorso", "--yes", "--save-profile", file]);

  expect(readFileSync(file, "utf8")).toBe("{}");
});

test("doctor --save-profile rejects a file that it cannot write before it sends a request", async () => {
  const before = await local.counts();

  const result = await local.broker(["doctor", "--probe", "webapicorso", "--yes", "--save-profile", folder]);

  expectError(result, 2, /cannot be written \(EISDIR\)/);
  expect(await local.counts()).toEqual(before);
});

test.each<[object, number, RegExp]>([
  [{ mode: "oversized" }, 1, /sent more than 65536 bytes/],
  [{ mode: "refused" }, 4, /got no token: HTTP 401/],
  [{ mode: "unavailable" }, 5, /got no token: HTTP 503/],
  [{ mode: "html" }, 1, /^error: The API-key request got no token: markup of 37 characters\.\n$/],
])("doctor --probe fails if the broker could not use the response: %o", async (scenario, code, message) => {
  await local.scenario(scenario);

  expectError(await local.broker(["doctor", "--probe", "webapicorso", "--yes"]), code, message);
});

test("doctor --probe reports the simulator's usual behaviour, and renews nothing, because the callers' token stays valid", async () => {
  await local.add("alive");
  await local.broker(["token", "get", "alive"]);

  const findings = await probe("alive");

  expect(await local.json(["status", "alive"])).toMatchObject({ state: "fresh" });
  expect(findings.map(({ level, what }) => `${level} ${what}`)).toEqual([
    "ok alive: the token response is {access_token: string, token_type: string, expires_in: number, scope: string, refresh_token: string, refresh_expires_in: number}",
    "ok alive: the refresh token rotates at each use",
    "ok alive: a new token leaves the previous one valid",
    "ok alive: tokens claim a lifetime of 3600 s",
  ]);
});

test("doctor --probe finds that only one token is active, and --apply registers it", async () => {
  await local.add("single");
  await local.scenario({ singleActiveToken: true, rotateRefresh: false });

  const found = await probe("single");
  const applied = await probe("single", "--apply");
  const after = await probe("single");

  expect(found).toContainEqual({
    level: "warning",
    what: "single: a new token invalidates the previous one, but singleActiveToken is not set",
    fix: `npx broker connections set single --single-active-token --local-url ${local.run.url("ready")}`,
  });
  expect(found).toContainEqual({ level: "ok", what: "single: the refresh token does not rotate" });
  expect(applied).toContainEqual({
    level: "ok",
    what: 'single: set {"singleActiveToken":true} in the registration',
  });
  expect(after).toContainEqual({
    level: "ok",
    what: "single: a new token invalidates the previous one, as registered",
  });
});

test("doctor --probe --observe finds tokens that expire early, and --apply sets maxLifetime", async () => {
  await local.add("early");
  await local.scenario({ lifetime: 2, opaque: true, expiresIn: "absent", refreshTokens: false });

  const found = await probe("early", "--observe", "20", "--apply");

  expect(found).toContainEqual({
    level: "warning",
    what: expect.stringMatching(
      /tokens claim no lifetime \(the broker assumes 3600 s\); one became invalid after [123] s, but maxLifetime/,
    ) as string,
    fix: expect.stringMatching(/^npx broker connections set early --max-lifetime [12] --local-url http/) as string,
  });
  const { registration } = await local.json<{ registration: { maxLifetime: number } }>([
    "connections",
    "show",
    "early",
  ]);
  expect(registration.maxLifetime).toBeLessThanOrEqual(2);
  expect(registration.maxLifetime).toBeGreaterThanOrEqual(1);
});

test.each([
  { shape: "data", expiresIn: "string", bom: true, opaque: true },
  { shape: "accessToken", refreshTokens: false, lifetime: 60 },
  { shape: "bare_jwt", expiresIn: "absent", refreshTokens: false },
  { singleActiveToken: true, rotateRefresh: false, lifetime: 900 },
  { sameToken: true },
])("doctor --save-profile writes %o without credentials, and the simulator accepts it", async (scenario) => {
  await local.scenario(scenario);
  const file = join(folder, "profile.json");

  await probe("webapicorso", "--save-profile", file);

  const profile = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
  expect(profile).toMatchObject(scenario);
  expect(parsePatch(profile)).not.toHaveProperty("fault");
  expect(JSON.stringify(profile)).not.toMatch(/eyJ|admin_|webapicorso/);
});
