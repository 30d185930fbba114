import { spawnSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { SettingError } from "../../infra/settings/error.ts";
import { rejectUnknownSettings } from "../../infra/settings/schemas.ts";
import { readDeploymentSettings } from "../../infra/settings/read.ts";
import { domain } from "./synth.ts";

const read = (context: Record<string, unknown>) => readDeploymentSettings((key) => context[key]);

test("Settings have defaults", () => {
  expect(read({})).toEqual({
    stage: "dev",
    connections: [],
    throttle: {
      token: { rate: 200, burst: 400 },
      oauth: { rate: 100, burst: 200 },
      calls: { rate: 100, burst: 200 },
      status: { rate: 10, burst: 20 },
    },
    callers: [],
    logRetentionDays: 30,
    shards: 1,
    rotateApiKeysEveryDays: 90,
    deployment: "all-at-once",
    tracing: false,
  });
});

test("Settings on the command line are text, and JSON in it is parsed", () => {
  const settings = read({
    stage: "prod",
    connections: '["a", "b"]',
    throttle: '{"token": {"rate": 5, "burst": 6}}',
    logRetentionDays: "7",
    tracing: "true",
  });

  expect(settings).toMatchObject({
    stage: "prod",
    connections: ["a", "b"],
    throttle: {
      token: { rate: 5, burst: 6 },
      oauth: { rate: 100, burst: 200 },
      calls: { rate: 100, burst: 200 },
      status: { rate: 10, burst: 20 },
    },
    logRetentionDays: 7,
    tracing: true,
  });
});

test.each(
  Object.entries({
    stage: ["Prod", "1st", "a-b", "a".repeat(17), 7],
    connections: ["webapicorso", ["Upper"], ["a", "b", "a"], [7]],
    throttle: [
      200,
      { token: { rate: 0, burst: 1 } },
      { token: { rate: 1, burst: 1.5 } },
      { token: { rate: 1, burst: 1, rates: 2 } },
      { token: { rate: 1, burst: 1 }, tokens: {} },
    ],
    shards: [0, 17, 1.5],
    reservedConcurrency: [10, { token: 0 }, { sweep: 1 }],
    rotateApiKeysEveryDays: [-1, 1001],
    logRetentionDays: [31, "a month"],
    alarmEmail: ["nobody"],
    deployment: ["blue"],
    domain: [
      // A base path: callers' policies and the functions compare whole paths.
      { ...domain, name: "tokens.example.com/broker" },
      { ...domain, basePath: "broker" },
      { ...domain, name: "Tokens.example.com" },
      { ...domain, name: "tokens-example.com" },
      { ...domain, certificateArn: "arn:aws:iam::123456789012:server-certificate/fake" },
      { ...domain, hostedZone: { id: "zone/Z0123456789FAKE", name: "example.com" } },
      { ...domain, hostedZone: { id: "Z0123456789FAKE", name: "example.com." } },
    ],
    tracing: ["yes", null],
    prober: [{ connection: "Upper" }, { connection: "a", often: true }],
  }).flatMap(([key, values]) => values.map((value) => [key, value] as const)),
)("The setting %s rejects %j in one line with key, rule, value, consequence and next step", (key, value) => {
  const line = new RegExp(
    `^The setting "${key}[^"]*" must .{8,}; it (is|has) .+\\. Nothing was changed\\. Correct -c ${key}=VALUE, or the context in cdk\\.json\\.$`,
  );

  expect(() => read({ [key]: value })).toThrow(line);
  if (typeof value !== "object") expect(() => read({ [key]: value })).toThrow(`; it is ${JSON.stringify(value)}.`);
});

test("The error of a missing field names the field, and what its parent needs", () => {
  expect(() => read({ throttle: { token: { rate: 1 } } })).toThrow(
    'The setting "throttle.token.burst" is missing: "throttle.token" must be an object with rate and burst only, in requests per second. Nothing was changed.',
  );
  expect(() => read({ prober: {} })).toThrow('The setting "prober.connection" is missing: "prober" must be');
});

test.each([
  ["throttle", (key: string) => ({ token: { rate: 1, burst: 1, [key]: 1 } })],
  ["connections", (key: string) => [{ [key]: true }]],
])("The setting %s with a key pasted as the name of a field is rejected without the key", (setting, valueWith) => {
  const key = "fake-api-key-0123456789-0123456789";

  expect(() => read({ [setting]: valueWith(key) })).toThrow(/^((?!fake-api-key).)+$/);
});

test("An unknown setting whose name may be a key is rejected with its position and length only", () => {
  const keys = ["aws:cdk:bundling-stacks", "stage", "fake-api-key-0123456789-0123456789"];

  expect(() => rejectUnknownSettings(keys)).toThrow(
    /^Unknown setting 2 \(a name of 34 characters\) in cdk\.json ((?!fake-api-key).)+$/,
  );
});

test.each([
  ["alarmEmial", " Did you mean alarmEmail?"],
  ["toString", ""],
])(
  "The unknown setting %s is rejected in one line that names it, the setting that may be meant, and all settings",
  (key, meant) => {
    const line = `Unknown setting "${key}" in cdk.json (context) or -c.${meant} Nothing was changed. Use one of: alarmEmail, callers, connections, deployment, domain, logRetentionDays, prober, reservedConcurrency, rotateApiKeysEveryDays, shards, stage, throttle, tracing.`;

    expect(() => rejectUnknownSettings(["stage", key])).toThrow(new SettingError(line));
  },
);

test("Context keys of the CDK itself are accepted", () => {
  const ofCdk = [
    "aws:cdk:bundling-stacks",
    "@aws-cdk/core:failSynthOnValidationErrors",
    "availability-zones:account=123456789012:region=eu-south-1",
    "acknowledged-issue-numbers",
    "cli-telemetry",
    "cdk-migrate",
  ];

  expect(() => rejectUnknownSettings([...ofCdk, "stage", "callers", "prober"])).not.toThrow();
});

test("`cdk` prints one line without a stack trace for a certificate of another region than AWS_REGION, and exits with 1", () => {
  const env = { PATH: process.env["PATH"], AWS_REGION: "eu-west-1", CDK_CONTEXT_JSON: JSON.stringify({ domain }) };
  const app = join(import.meta.dirname, "../../infra/app.ts");

  expect(spawnSync(process.execPath, [app], { env, encoding: "utf8" })).toMatchObject({
    status: 1,
    stdout: "",
    stderr: expect.stringMatching(
      /^The setting "domain\.certificateArn" must be in eu-west-1, the region of this deployment; it is in eu-south-1\. [^\n]+\n$/,
    ) as string,
  });
});

test("A certificate of the deployment's region is accepted, and any if the region is unknown", () => {
  for (const region of ["eu-south-1", undefined]) {
    expect(
      readDeploymentSettings((key) => ({ domain })[key as "domain"], { allowLoopbackHttp: false, region }).domain,
    ).toEqual(domain);
  }
});

const php = { name: "php", connections: ["webapicorso"], keySha256: ["0".repeat(64)] };

/** Writes a temporary file and returns its path. */
function fileOf(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), "smart-token-broker-settings-"));
  writeFileSync(join(folder, "callers.json"), text);
  return join(folder, "callers.json");
}

test("The setting callers is a list, its JSON, or the name of a file with it", () => {
  const document = JSON.stringify({ $schema: "docs/callers.schema.json", callers: [php] });
  for (const callers of [
    [php],
    JSON.stringify([php]),
    fileOf(`\uFEFF[${JSON.stringify(php)}]`),
    document,
    fileOf(document),
  ]) {
    expect(read({ callers }).callers).toEqual([expect.objectContaining({ kind: "key", ...php })]);
  }
});

test("An entry of callers that strangers' JWTs would match stops the synthesis, and the error says what to write", () => {
  const issuer = "https://token.actions.githubusercontent.com";
  const ci = {
    name: "ci",
    connections: ["webapicorso"],
    oidc: { issuer, audience: "a", claims: { sub: "repo:acme*" } },
  };

  expect(() => read({ callers: [ci] })).toThrow(
    'callers: ci: oidc.claims.sub "repo:acme*" also matches repo:acme-evil. Write "repo:OWNER/REPOSITORY:*", or write the full value. Nothing was changed. Correct -c callers=VALUE, or the context in cdk.json.',
  );
});

test.each<[string, unknown, string]>([
  ["throttle", [], "must be an object with token, oauth, calls and status only; it is "],
  ["reservedConcurrency", [], "must be an object with token, oauth, "],
  ["callers", null, "callers must be a list. Nothing was changed."],
])("The setting %s is not taken for unset if it is %j", (key, value, message) => {
  expect(() => read({ [key]: value })).toThrow(message);
});

test.each(["callers", "connections", "shards", "throttle"])(
  "An API key that was pasted as the value of %s is not repeated in the error",
  (key) => {
    const pasted = "eyJhbGciOiJIUzI1NiJ9.fake-key-1";

    for (const value of [pasted, [pasted], { connection: pasted, token: pasted }]) {
      expect(() => read({ [key]: value })).toThrow(/^((?!fake-key).)+$/s);
    }
    expect(() => read({ [key]: pasted })).toThrow("is a text of 31 characters");
  },
);

test("The error of an unreadable file of callers names the file and repeats none of its content", () => {
  const broken = fileOf("fake-key-1, which nobody meant to put here");
  const missing = "no/such/callers.json";

  expect(() => read({ callers: missing })).toThrow(
    `"callers" names the file ${missing}, which cannot be read (ENOENT)`,
  );
  expect(() => read({ callers: broken })).toThrow(`"callers" names the file ${broken}, which is not JSON`);
  expect(() => read({ callers: broken })).not.toThrow("fake-key-1");
});

test("A reserved concurrency of the sweep below the number of shards is rejected, because all shards sweep at once", () => {
  expect(() => read({ shards: 3, reservedConcurrency: { "token-rotation": 2 } })).toThrow(
    'The setting "reservedConcurrency.token-rotation" must be at least shards (3), because all shards sweep at the same time; it is 2. Nothing was changed.',
  );
});

test("A caller's role is rejected if its policies cannot hold a statement for each of its connections", () => {
  const withConnections = (count: number) => [
    {
      name: "orders",
      connections: Array.from({ length: count }, (_, index) => `c-${index}`),
      principal: "210987654321",
    },
  ];

  expect(read({ callers: withConnections(150) }).callers).toHaveLength(1);
  expect(() => read({ callers: withConnections(151) })).toThrow("callers: orders: connections has more than 150");
});
