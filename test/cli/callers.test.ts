import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { broker, checkoutWith, expectError } from "./harness.ts";

const listed = [
  { name: "orders", connections: ["acme"], principal: "arn:aws:iam::123456789012:role/orders" },
  { name: "old-php", connections: ["acme", "other"], keySha256: ["a".repeat(64)] },
];

const prod = "settings/prod.json";
const document = { $schema: "../docs/callers.schema.json", callers: listed };

test.each<[string, Record<string, unknown>, string]>([
  ["in the settings of a stage", { [prod]: { shards: 2, callers: listed } }, prod],
  ["in a file that the settings name", { [prod]: { callers: "list.json" }, "list.json": listed }, prod],
  ["in a file with its JSON Schema", { "list.json": document }, "list.json"],
])("broker callers list reads the list %s", async (_, files, file) => {
  const folder = checkoutWith(files);

  const { status, stdout } = await broker(["callers", "list", "--file", join(folder, file), "--json"]);

  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject([
    { name: "orders", kind: "principal", connections: ["acme"] },
    { name: "old-php", kind: "key", connections: ["acme", "other"] },
  ]);
});

test("broker callers list reads a list with a byte order mark at an absolute path", async () => {
  const folder = checkoutWith({});
  writeFileSync(join(folder, "list.json"), `\uFEFF${JSON.stringify(listed)}`);
  writeFileSync(join(folder, prod), JSON.stringify({ callers: join(folder, "list.json") }));

  expect((await broker(["callers", "list", "--file", join(folder, prod)])).status).toBe(0);
});

test("broker callers list finds the settings from another working directory", () => {
  const cwd = join(import.meta.dirname, "../../docs");
  const args = ["../cli/broker.ts", "callers", "list"];

  expect(spawnSync(process.execPath, args, { cwd, encoding: "utf8" })).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^\.\.\/settings\/dev\.json lists /) as string,
  });
});

const issuer = `https://issuer.test/${"long-tenant-".repeat(8)}end`;
const claims = { sub: `repo:acme/${"deploy-".repeat(12)}end:*`, enabled: true };
const jwtCallers = [
  { name: "ci", connections: ["acme", "other"], oidc: { issuer, audience: "broker", claims, maxLifetime: 600 } },
  {
    name: "portal",
    origins: ["https://portal.test"],
    oidc: { issuer: "https://users.test", audience: "portal", claims: {}, connectionsClaim: "companies" },
  },
];

test("broker callers list prints in full all that a credential of an entry must have", async () => {
  const folder = checkoutWith({ "list.json": [...listed, ...jwtCallers] });

  const { stdout } = await broker(["callers", "list", "--file", join(folder, "list.json")]);

  expect(stdout).toBe(
    `orders (principal)
  connections: acme
  principal: arn:aws:iam::123456789012:role/orders
old-php (key)
  connections: acme other
  keySha256: ${"a".repeat(64)}
ci (oidc)
  connections: acme other
  issuer: ${issuer}
  audience: broker
  claims.sub: "${claims.sub}"
  claims.enabled: true
  maxLifetime: 600 s
portal (oidc)
  connectionsClaim: companies
  issuer: https://users.test
  audience: portal
  claims: none
  maxLifetime: 86400 s
  origins: https://portal.test
This is the list in this checkout. The deployed list is the one of the last npm run deploy.
`,
  );
});

test("broker callers list --json has all that a JWT of an entry must have, also with --local and a file", async () => {
  const folder = checkoutWith({ "list.json": jwtCallers });

  const { stdout } = await broker(["callers", "list", "--file", join(folder, "list.json"), "--local", "--json"]);

  const who = `${issuer} for broker`;
  expect(JSON.parse(stdout)).toEqual([
    {
      name: "ci",
      kind: "oidc",
      connections: ["acme", "other"],
      who,
      issuer,
      audience: "broker",
      claims,
      max_lifetime: 600,
    },
    {
      name: "portal",
      kind: "oidc",
      connections: [],
      who: "https://users.test for portal",
      issuer: "https://users.test",
      audience: "portal",
      claims: {},
      connections_claim: "companies",
      max_lifetime: 86_400,
    },
  ]);
});

test("broker callers list rejects a list with the same message as a deployment", async () => {
  const folder = checkoutWith({ [prod]: { callers: [{ name: "orders" }] } });

  const result = await broker(["callers", "list", "--file", join(folder, prod)]);

  expectError(result, 2, /^error: .*prod.json: callers: orders: needs exactly one of principal, /);
});

test("broker callers list says that this project lists no callers, and which list it is", async () => {
  const { stdout } = await broker(["callers", "list"]);

  expect(stdout).toMatch(/^settings\/dev.json lists no callers\. .*\nThis is the list in this checkout\. .*\n$/);
});

test("broker callers list reads the settings of --stage, and says that a stage has none", async () => {
  const result = await broker(["callers", "list", "--stage", "missing"]);

  expectError(result, 2, /^error: The file settings\/missing\.json cannot be read \(ENOENT\)\. Set --stage /);
});

test("broker callers list rejects a file that is neither settings nor a list, and lists none of settings without callers", async () => {
  const folder = checkoutWith({ "cdk.json": { app: "node" }, [prod]: { shards: 2 } });
  const list = (file: string) => broker(["callers", "list", "--file", join(folder, file)]);

  expectError(await list("cdk.json"), 2, /cdk\.json is neither a list of callers nor settings/);
  expect(await list(prod)).toMatchObject({ status: 0, stdout: expect.stringContaining("lists no callers") as string });
});
