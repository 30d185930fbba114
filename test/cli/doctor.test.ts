import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { parsePatch } from "../../local/simulator/scenario.ts";
import { account, broker, LocalBroker } from "./harness.ts";

const local = new LocalBroker();
const folder = mkdtempSync(join(tmpdir(), "cli-test-"));
beforeAll(() => local.start());
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await local.run.remove();
});
const usual = { mode: "ok", singleActiveToken: false, rotateRefresh: true, refreshTokens: true, lifetime: 3600 };
const usualForm = { opaque: false, expiresIn: "number", shape: "access_token", bom: false, sameToken: false };
afterEach(() => local.scenario({ ...usual, ...usualForm }));

type Found = { level: string; what: string; fix?: string }[];
const probe = (id: string, ...more: string[]) => local.json<Found>(["doctor", "--probe", id, "--yes", ...more]);

test("a healthy local run has nothing to mend", async () => {
  const findings = await local.json<Found>(["doctor"]);

  expect(findings.map(({ level }) => level)).not.toContain("broken");
  expect(findings).toContainEqual({ level: "ok", what: "the API refuses a request that is not signed" });
  expect(findings).toContainEqual({
    level: "ok",
    what: "webapicorso: its secret is readable, its key rotates, its token is good",
  });
});

test("a refused key, and rotation that is off, are found with the command that mends each", async () => {
  const key = await local.add("ill", "--rotate-every-days", "0");
  await local.run.simulator("/_simulator/keys/revoke", { apiKey: key });
  await local.broker(["token", "get", "ill"]);

  const { status, stdout } = await local.broker(["doctor"]);
  await local.broker(["connections", "remove", "ill", "--yes"]);

  expect(status).toBe(1);
  expect(stdout).toMatch(
    /^broken +ill: rejected, Smart Services refused .*\n +mend: npx broker keys stage ill --local-url http:.*\n/m,
  );
  expect(stdout).toMatch(
    /^warning +ill: rotation is not .*\n +mend: npx broker keys rotate ill --every-days 90 --wait-for-schedule --local-url http:.*\n/m,
  );
});

const counts = async () => {
  const said = (await (await fetch(`${local.run.url("simulator")}/_simulator`)).json()) as {
    counts: { business: number };
  };
  return said.counts;
};
const noticed = async (id: string) =>
  (await local.json<Found>(["doctor"])).filter(({ what, level }) => level !== "ok" && what.startsWith(`${id}: `));

test("what the doctor prints as a mend, mends", async () => {
  await local.add("off", "--rotate-every-days", "0");
  const [off] = await noticed("off");

  const [, , ...args] = off?.fix?.split(" ") ?? [];
  const { status } = await broker(args);

  expect(status).toBe(0);
  expect(await noticed("off")).toEqual([]);
});

test("a connection that was never asked for is none to act on, also when its key has been rotated", async () => {
  await local.add("idle");
  await local.json(["keys", "stage", "idle", "--key-file", "-"], await local.issueKey("idle"));

  const { stdout } = await local.broker(["doctor"]);
  const status = await local.json<object>(["status", "idle"]);

  expect(stdout).toContain("idle: its secret is readable, its key rotates, no token of it was got yet");
  expect(status).toMatchObject({ state: "due", generation: 0, retiring_keys: [{}] });
});

test("a probe that may have killed the callers' token has it renewed, also where it cannot tell", async () => {
  const key = await local.issueKey("untold");
  const value = JSON.stringify({ ...account("untold"), apiKey: key });
  await local.json(["connections", "add", "untold", "--file", "-"], value);
  await local.broker(["token", "get", "untold"]);
  await local.scenario({ singleActiveToken: true });

  const found = await probe("untold");

  expect(found).toContainEqual({
    level: "warning",
    what: "untold: whether a replacement kills the token before it cannot be told",
    fix: `npx broker connections set untold --api-base-url URL --local-url ${local.run.url("ready")}`,
  });
  expect(await local.json(["status", "untold"])).toMatchObject({
    next_action: { what: "replacement by refresh token within a minute" },
  });
});

test("a probe that leaves the callers' token alive renews nothing", async () => {
  await local.add("alive");
  await local.broker(["token", "get", "alive"]);

  await probe("alive");

  expect(await local.json(["status", "alive"])).toMatchObject({ state: "fresh" });
});

test("where a replacement kills tokens, a death that is seen is no lifetime: the broker may have replaced it", async () => {
  await local.add("watched");
  await local.scenario({ singleActiveToken: true });
  await local.broker(["token", "get", "watched"]);

  const probing = probe("watched", "--observe", "6", "--apply", "--save-profile", join(folder, "watched.json"));
  // As another caller's exchange, or a sweep, does while the probe watches.
  await expect.poll(async () => (await counts()).business).toBeGreaterThan(4);
  await local.broker(["connections", "set", "watched", "--language", "de-DE"]);
  const found = await probing;

  expect(JSON.stringify(found)).toMatch(/one died after \d s, of its end or of a replacement/);
  const { registration } = await local.json<{ registration: object }>(["connections", "show", "watched"]);
  expect(registration).not.toHaveProperty("maxLifetime");
  expect(JSON.parse(readFileSync(join(folder, "watched.json"), "utf8"))).toMatchObject({ lifetime: 3600 });
});

test("a profile of old stays where a probe fails", async () => {
  const file = join(folder, "old.json");
  writeFileSync(file, "{}");
  await local.scenario({ mode: "unavailable" });

  await local.broker(["doctor", "--probe", "webapicorso", "--yes", "--save-profile", file]);

  expect(readFileSync(file, "utf8")).toBe("{}");
});

test("a profile that cannot be written is refused before anything is asked of upstream", async () => {
  const before = await counts();

  const { status } = await local.broker(["doctor", "--probe", "webapicorso", "--yes", "--save-profile", folder]);

  expect(status).toBe(2);
  expect(await counts()).toEqual(before);
});

test.each<[object, number, RegExp]>([
  [{ mode: "oversized" }, 1, /answered more than 65536 bytes/],
  [{ mode: "slow", delaySeconds: 6 }, 5, /took over 5 s/],
  [{ mode: "refused" }, 4, /got no token: HTTP status 401/],
  [{ mode: "unavailable" }, 5, /got no token: HTTP status 503/],
])("an upstream that the broker cannot use is not called good: %o", async (scenario, code, complaint) => {
  await local.scenario(scenario);

  const { status, stderr } = await local.broker(["doctor", "--probe", "webapicorso", "--yes"]);

  expect(stderr).toMatch(complaint);
  expect(status).toBe(code);
});

test("an upstream in its usual mood is found as it is", async () => {
  const findings = await probe("webapicorso");

  expect(findings.map(({ level, what }) => `${level} ${what}`)).toEqual([
    "ok webapicorso: it answers {access_token: string, token_type: string, expires_in: number, scope: string, refresh_token: string, refresh_expires_in: number}",
    "ok webapicorso: its refresh token rotates: another comes with each refresh",
    "ok webapicorso: a replacement leaves the token before it alive",
    "ok webapicorso: tokens claim to live 3600 s",
  ]);
});

test("an upstream that keeps one active token is found, registered with --apply, and then as it should be", async () => {
  await local.add("single");
  await local.scenario({ singleActiveToken: true, rotateRefresh: false });

  const found = await probe("single");
  const applied = await probe("single", "--apply");
  const after = await probe("single");

  expect(found).toContainEqual({
    level: "warning",
    what: "single: a replacement kills the token before it at once; singleActiveToken is not set",
    fix: `npx broker connections set single --single-active-token --local-url ${local.run.url("ready")}`,
  });
  expect(found).toContainEqual({ level: "ok", what: "single: its refresh token is kept: it does not rotate" });
  expect(applied).toContainEqual({
    level: "ok",
    what: 'single: {"singleActiveToken":true} is set in its registration',
  });
  expect(after).toContainEqual({
    level: "ok",
    what: "single: a replacement kills the token before it, as is registered",
  });
});

test("tokens that die before their time are found by watching one, and maxLifetime is set", async () => {
  await local.add("early");
  await local.scenario({ lifetime: 4, opaque: true, expiresIn: "absent", refreshTokens: false });

  const found = await probe("early", "--observe", "20", "--apply");

  expect(found).toContainEqual({
    level: "warning",
    what: expect.stringMatching(
      /tokens say nothing of their life \(3600 s are assumed\), and one died after [345] s; maxLifetime/,
    ) as string,
    fix: expect.stringMatching(/^npx broker connections set early --max-lifetime [1-4] --local-url http/) as string,
  });
  const { registration } = await local.json<{ registration: { maxLifetime: number } }>([
    "connections",
    "show",
    "early",
  ]);
  expect(registration.maxLifetime).toBeLessThanOrEqual(4);
  expect(registration.maxLifetime).toBeGreaterThanOrEqual(1);
});

test.each([
  { shape: "data", expiresIn: "string", bom: true, opaque: true },
  { shape: "accessToken", refreshTokens: false, lifetime: 60 },
  { shape: "bare_jwt", expiresIn: "absent", refreshTokens: false },
  { singleActiveToken: true, rotateRefresh: false, lifetime: 900 },
  { sameToken: true },
])("the profile of %o has those switches, no value, and the simulator takes it", async (scenario) => {
  await local.scenario(scenario);
  const file = join(folder, "profile.json");

  await probe("webapicorso", "--save-profile", file);

  const profile = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
  expect(profile).toMatchObject(scenario);
  expect(parsePatch(profile)).not.toHaveProperty("fault");
  expect(JSON.stringify(profile)).not.toMatch(/eyJ|admin_|webapicorso/);
});

test("an upstream that gives no token is said so, without its answer", async () => {
  await local.scenario({ mode: "html" });

  const { status, stderr } = await local.broker(["doctor", "--probe", "webapicorso", "--yes"]);

  expect(status).toBe(1);
  expect(stderr).toBe("error: The exchange got no token: markup of 37 characters.\n");
});
