import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { readDeploymentSettings, refuseUnknownSettings, SettingError } from "../../infra/settings.ts";

const read = (context: Record<string, unknown>) => readDeploymentSettings((key) => context[key]);

const defaults = {
  stage: "dev",
  connections: ["webapicorso"],
  throttle: { token: { rate: 200, burst: 400 }, oauth: { rate: 20, burst: 40 }, status: { rate: 10, burst: 20 } },
  callers: [],
  logRetentionDays: 30,
  shards: 1,
  rotateApiKeysEveryDays: 90,
};

test("without a context every setting has its default", () => {
  expect(read({})).toEqual(defaults);
});

test("cdk.json is valid as it is shipped, and says what the defaults say", () => {
  const cdkJson = JSON.parse(readFileSync(join(import.meta.dirname, "../../cdk.json"), "utf8"));

  expect(read(cdkJson.context)).toEqual(read({}));
  expect(() => refuseUnknownSettings(Object.keys(cdkJson.context))).not.toThrow();
});

test("values of cdk.json are taken as they are", () => {
  const chosen = {
    stage: "prod2",
    connections: ["a", "customer-2"],
    throttle: { token: { rate: 1, burst: 2 }, oauth: { rate: 3, burst: 4 }, status: { rate: 5, burst: 6 } },
    shards: 16,
    rotateApiKeysEveryDays: 0,
    logRetentionDays: 365,
  };

  expect(read(chosen)).toMatchObject(chosen);
});

test("what the command line gives as text is read as what it means", () => {
  const settings = read({
    stage: "prod",
    connections: '["a", "b"]',
    throttle: '{"token": {"rate": 5, "burst": 6}}',
    logRetentionDays: "7",
  });

  expect(settings).toMatchObject({
    stage: "prod",
    connections: ["a", "b"],
    throttle: { token: { rate: 5, burst: 6 }, oauth: { rate: 20, burst: 40 }, status: { rate: 10, burst: 20 } },
    logRetentionDays: 7,
  });
});

test("a deployment may register no connection at all", () => {
  expect(read({ connections: [] }).connections).toEqual([]);
});

test.each([
  ["stage", ""],
  ["stage", "Prod"],
  ["stage", "1st"],
  ["stage", "a-b"],
  ["stage", "a".repeat(17)],
  ["stage", 7],
  ["stage", null],
  ["connections", "webapicorso"],
  ["connections", { webapicorso: {} }],
  ["connections", ["Upper"]],
  ["connections", ["-a"]],
  ["connections", ["a/b"]],
  ["connections", ["a".repeat(64)]],
  ["connections", ["a", "b", "a"]],
  ["connections", [7]],
  ["throttle", 200],
  ["throttle", { token: { rate: 1 } }],
  ["throttle", { token: { rate: 0, burst: 1 } }],
  ["throttle", { token: { rate: 1, burst: 1.5 } }],
  ["throttle", { token: { rate: "1", burst: 1 } }],
  ["throttle", { token: { rate: 1, burst: 1, rates: 2 } }],
  ["throttle", { token: { rate: 1, burst: 1 }, tokens: {} }],
  ["shards", 0],
  ["shards", 17],
  ["shards", 1.5],
  ["shards", "many"],
  ["rotateApiKeysEveryDays", -1],
  ["rotateApiKeysEveryDays", 1001],
  ["rotateApiKeysEveryDays", 0.5],
  ["rotateApiKeysEveryDays", "monthly"],
  ["logRetentionDays", 0],
  ["logRetentionDays", 31],
  ["logRetentionDays", "a month"],
  ["logRetentionDays", null],
])("a wrong %s (%j) stops with one line that names the key, what is wrong and the value", (key, value) => {
  const line = new RegExp(`^The setting "${key}[^"]*" in cdk\\.json \\(context\\) .{8,}; it is .+\\.$`);

  expect(() => read({ [key]: value })).toThrow(line);
  expect(() => read({ [key]: value })).toThrow(JSON.stringify(value));
});

test("a mistake inside a setting is named by its path", () => {
  expect(() => read({ throttle: { token: { rate: 1, burst: 0 } } })).toThrow('"throttle.token.burst"');
  expect(() => read({ connections: ["a", 7] })).toThrow('"connections.1"');
});

test.each(["alarmEmial", "Stage", "shard", "@aws-cdk", "toString"])(
  "a key of the context that is no setting stops with one line that names it and the settings: %s",
  (key) => {
    const line = `There is no setting "${key}". The context of cdk.json, and -c key=value, may have: alarmEmail, callers, connections, logRetentionDays, prober, rotateApiKeysEveryDays, shards, stage, throttle.`;

    expect(() => refuseUnknownSettings(["stage", key])).toThrow(new SettingError(line));
  },
);

test("what the CDK puts into a context is no setting, and is let through", () => {
  const ofCdk = [
    "aws:cdk:enable-path-metadata",
    "aws:cdk:bundling-stacks",
    "@aws-cdk/core:failSynthOnValidationErrors",
    "availability-zones:account=123456789012:region=eu-south-1",
    "acknowledged-issue-numbers",
    "cli-telemetry",
    "cdk-migrate",
  ];

  expect(() => refuseUnknownSettings([...ofCdk, "stage", "callers", "prober"])).not.toThrow();
});

test.each([
  ["misspelt", { alarmEmial: "ops@example.com" }, /^There is no setting "alarmEmial"\. [^\n]+\n$/],
  ["wrong", { stage: "Prod" }, /^The setting "stage" in cdk\.json [^\n]+\n$/],
  ["wrong in the list of callers", { callers: [{ name: "orders" }] }, /^callers: orders: [^\n]+\n$/],
])("a setting that is %s is one line to whoever deploys, without a stack trace, and status 1", (_, context, line) => {
  const env = { PATH: process.env["PATH"], CDK_CONTEXT_JSON: JSON.stringify(context) };
  const app = join(import.meta.dirname, "../../infra/app.ts");

  const { status, stdout, stderr } = spawnSync(process.execPath, [app], { env, encoding: "utf8" });

  expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
  expect(stderr).toMatch(line);
});

const php = { name: "php", connections: ["webapicorso"], keySha256: ["0".repeat(64)] };

/** A file of a test, with this text in it. */
function fileOf(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), "smart-token-broker-settings-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "callers.json"), text);
  return join(folder, "callers.json");
}

test("the callers are a list, its text on the command line, or the name of a file that holds it", () => {
  const list = [expect.objectContaining({ kind: "key", ...php })];

  expect(read({ callers: [php] }).callers).toEqual(list);
  expect(read({ callers: JSON.stringify([php]) }).callers).toEqual(list);
  expect(read({ callers: fileOf(JSON.stringify([php])) }).callers).toEqual(list);
});

test("a file of callers that is not there, or is not JSON, is named, and none of it is repeated", () => {
  const broken = fileOf("fake-key-1, which nobody meant to put here");

  expect(() => read({ callers: "no/such/callers.json" })).toThrow(
    "no/such/callers.json, which cannot be read (ENOENT)",
  );
  expect(() => read({ callers: broken })).toThrow(`${broken}, which is not JSON`);
  expect(() => read({ callers: broken })).not.toThrow("fake-key-1");
});

test("a caller whose role would have a name that IAM does not take stops with that name", () => {
  const named = (length: number) => [{ name: "a".repeat(length), connections: ["a"], principal: "210987654321" }];

  // smart-token-broker-dev- is 23 characters long.
  expect(read({ callers: named(41) }).callers).toHaveLength(1);
  expect(() => read({ callers: named(42) })).toThrow(`smart-token-broker-dev-${"a".repeat(42)}, which is longer`);
});
