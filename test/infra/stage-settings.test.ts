import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { attempt } from "../../infra/settings/error.ts";
import { readDeploymentSettings } from "../../infra/settings/read.ts";
import { readStageSettings, settingsFolder } from "../../infra/settings/stage.ts";
import { stageConnections, synthesise } from "../../local/synthesise.ts";

const defaults = readDeploymentSettings(() => undefined);

/** Reads the settings with the files of these stages; a text is a file's content, anything else is written as JSON. */
function read(context: Record<string, unknown>, files: Record<string, unknown> = {}) {
  const folder = mkdtempSync(join(tmpdir(), "smart-token-broker-settings-"));
  for (const [stage, content] of Object.entries(files)) {
    writeFileSync(join(folder, `${stage}.json`), typeof content === "string" ? content : JSON.stringify(content));
  }
  return readStageSettings(context, { allowLoopbackHttp: false, folder });
}

test("Settings of a stage come from -c, then from its file, then from the defaults", () => {
  const prod = { $schema: "../docs/settings.schema.json", shards: 4, logRetentionDays: 365 };

  const settings = read({ stage: "prod", shards: "8" }, { prod, dev: { shards: 2 } });

  expect(settings).toEqual({ ...defaults, stage: "prod", shards: 8, logRetentionDays: 365 });
});

test("Settings of the stage dev are read without -c stage, and are the defaults without a file", () => {
  expect(read({}, { dev: '\uFEFF{"shards": 2}', prod: { shards: 4 } })).toEqual({ ...defaults, shards: 2 });
  expect(read({}, {})).toEqual(defaults);
});

test("Settings of a stage are hidden by a context key without a value", () => {
  const files = { dev: { prober: { connection: "acme" } } };

  expect(read({}, files).prober).toEqual({ connection: "acme" });
  expect(read({ prober: undefined }, files).prober).toBeUndefined();
});

test("Settings of the local run are read from the stage's file too", async () => {
  expect(stageConnections()).toEqual(
    readStageSettings({}, { allowLoopbackHttp: true, folder: settingsFolder }).connections,
  );
  await expect(synthesise({ stage: "missing" })).rejects.toThrow(
    "The stage missing has no file settings/missing.json.",
  );
});

test("A stage without a file is rejected in one line that names the file and the stages that have one", () => {
  expect(() => read({ stage: "staging", shards: "8" }, { prod: {}, dev: {} })).toThrow(
    /^The stage staging has no file settings\/staging\.json\. Nothing was changed\. If the stage is right, create the file with its settings; \{\} means all defaults\. Stages with a file: dev, prod\.$/,
  );
});

test.each(["../dev", ""])("The stage %j is rejected before a file is read", (stage) => {
  expect(() => read({ stage }, { dev: "broken" })).toThrow(/^The setting "stage" must be 1 to 16 characters.+$/);
});

test.each<[string, unknown, string]>([
  ["a list", [], "is not a JSON object. Nothing was changed. Write {"],
  ["a comma after the last value", '{\n  "shards": 2,\n}', "is not JSON (line 3 column 1)."],
  ["a pasted key", "fake-key-1", "is not JSON. Nothing"],
])("A file with %s is rejected in one line that repeats none of it", (_, content, message) => {
  expect(() => read({}, { dev: content })).toThrow(`The file settings/dev.json ${message}`);
  expect(() => read({}, { dev: content })).toThrow(/^((?!fake-key).)+$/);
});

test("A file that cannot be read is rejected with the reason", () => {
  const folder = mkdtempSync(join(tmpdir(), "smart-token-broker-settings-"));
  mkdirSync(join(folder, "dev.json"));

  expect(() => readStageSettings({}, { allowLoopbackHttp: false, folder })).toThrow(
    "The file settings/dev.json cannot be read (EISDIR). Nothing was changed.",
  );
});

test("Every mistake of a stage is in the error, one line each, with its place", () => {
  const prod = {
    stage: "prod",
    alarmEmial: "ops@example.com",
    "@aws-cdk/core:checkSecretUsage": true,
    connections: ["Upper", "acme", 7],
    throttle: { token: { rate: 0.5, burst: 1 }, oauth: { rate: 1, burst: "1" } },
    callers: [{ name: "orders" }],
  };
  const mistakes: string[] = [];

  attempt(() => read({ stage: "prod", shard: "2", shards: "many" }, { prod }), mistakes);

  const expected = [
    'Unknown setting "shard" in cdk.json (context) or -c. ',
    'Unknown setting "stage" in settings/prod.json. Nothing was changed. Use one of: $schema, alarmEmail, callers, ',
    'Unknown setting "alarmEmial" in settings/prod.json. ',
    "Unknown setting 3 (a name of 30 characters) in settings/prod.json. ",
    'The setting "connections.0" must be 1 to 63 characters of ',
    'The setting "connections.2" must be a list of strings; it is 7. Nothing was changed. Correct it in settings/prod.json or with -c connections=VALUE.',
    'The setting "throttle.token.rate" must be a whole number; it is 0.5. ',
    'The setting "throttle.oauth.burst" must be a number; it is "1". ',
    'The setting "shards" must be a number; it is "many". Nothing was changed. Correct -c shards=VALUE, or ',
    "callers: orders: needs exactly one of principal, keySha256 and oidc. Nothing was changed. Correct it in settings/prod.json or with -c callers=VALUE.",
  ];
  expect(mistakes.join("\n").split("\n")).toEqual(expected.map((start) => expect.stringContaining(start) as string));
});

test("The error of a list of callers in a file of its own names this file", () => {
  const folder = mkdtempSync(join(tmpdir(), "smart-token-broker-settings-"));
  const callers = join(folder, "callers.json");
  writeFileSync(callers, '[{"name": "orders"}]');

  expect(() => read({}, { dev: { callers } })).toThrow(`Nothing was changed. Correct it in ${callers}.`);
  expect(() => read({}, { dev: { callers: join(folder, "old.json") } })).toThrow(
    `old.json, which cannot be read (ENOENT). Nothing was changed. Correct it in settings/dev.json or with -c callers=VALUE.`,
  );
});
