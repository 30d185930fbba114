import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readDeploymentSettings } from "../../infra/settings.ts";

const read = (context: Record<string, unknown>) => readDeploymentSettings((key) => context[key]);

const defaults = {
  stage: "dev",
  connections: ["webapicorso"],
  throttle: { token: { rate: 200, burst: 400 } },
  logRetentionDays: 30,
};

test("without a context every setting has its default", () => {
  expect(read({})).toMatchObject(defaults);
});

test("cdk.json is valid as it is shipped, and says what the defaults say", () => {
  const cdkJson = JSON.parse(readFileSync(join(import.meta.dirname, "../../cdk.json"), "utf8"));

  expect(read(cdkJson.context)).toEqual(read({}));
});

test("values of cdk.json are taken as they are", () => {
  const chosen = {
    stage: "prod2",
    connections: ["a", "customer-2"],
    throttle: { token: { rate: 1, burst: 2 }, oauth: { rate: 3, burst: 4 } },
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
    throttle: { token: { rate: 5, burst: 6 }, oauth: { rate: 20, burst: 40 } },
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
