import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sampleCallerKey } from "../../local/callers/sample-callers.ts";
import { awsEnvironment, stacksOf, startAwsStandIn } from "./aws-stand-in.ts";
import { broker, checkoutWith, expectError, LocalBroker } from "./harness.ts";

interface Added {
  key: string;
  keySha256: string;
}

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const old = { name: "old-php", connections: ["acme"], keySha256: ["a".repeat(64)] };

describe("broker callers add for a deployment", () => {
  it.each<[string, Record<string, unknown>, string, (json: never) => unknown]>([
    [
      "the settings",
      { "settings/prod.json": { shards: 2, callers: [old] } },
      "settings/prod.json",
      (json: { callers: unknown }) => json.callers,
    ],
    [
      "settings without a list",
      { "settings/prod.json": { shards: 2 } },
      "settings/prod.json",
      (json: { callers: unknown }) => json.callers,
    ],
    [
      "the file that the settings name",
      { "settings/prod.json": { callers: "l.json" }, "l.json": [old] },
      "l.json",
      (json) => json,
    ],
    [
      "a list with its schema",
      { "l.json": { $schema: "x", callers: [old] } },
      "l.json",
      (json: { callers: unknown }) => json.callers,
    ],
  ])("writes the entry into %s, and prints the key once", async (_, files, changed, listIn) => {
    const folder = checkoutWith(files);
    const file = join(folder, "settings/prod.json" in files ? "settings/prod.json" : "l.json");

    const args = ["callers", "add", "shop", "--connections", "acme, other", "--file", file, "--stage", "prod"];
    const { status, stdout } = await broker(args);

    const [, key = ""] = /^key +(stb_[\w-]{43})$/m.exec(stdout) ?? [];
    const entry = { name: "shop", connections: ["acme", "other"], keySha256: [sha256(key)] };
    expect(status).toBe(0);
    expect(stdout.split(key)).toHaveLength(2);
    expect(stdout).toMatch(/works after the next deployment: npm run deploy -- --stage prod\.\n$/);
    const written = readFileSync(join(folder, changed), "utf8");
    expect((listIn(JSON.parse(written) as never) as object[]).at(-1)).toEqual(entry);
    expect(written).not.toContain(key);
  });

  it("writes the rules of --call, and says that the caller gets no token", async () => {
    const file = join(checkoutWith({ "l.json": [] }), "l.json");
    const rules = ["GET,POST /api/v1/{scope}/CO/**", "DELETE /api/v1/{scope}/CO/Drafts/*"];
    const flags = rules.flatMap((rule) => ["--call", rule]);

    const { stdout } = await broker(["callers", "add", "shop", "--connections", "acme", ...flags, "--file", file]);
    const listed = await broker(["callers", "list", "--file", file]);

    expect(stdout).toMatch(/: npm run deploy\. It makes calls, and gets no token\.\n$/);
    const calls = [
      { methods: ["GET", "POST"], path: "/api/v1/{scope}/CO/**" },
      { methods: ["DELETE"], path: "/api/v1/{scope}/CO/Drafts/*" },
    ];
    expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject([{ name: "shop", calls }]);
    expect(listed.stdout).toContain(rules.map((rule) => `  calls: ${rule}\n`).join("") + "  It gets no token.\n");
    expect(JSON.parse((await broker(["callers", "list", "--file", file, "--json"])).stdout)).toMatchObject([{ calls }]);
  });

  it("warns of a rule without the scope, as the synthesis does", async () => {
    const file = join(checkoutWith({ "l.json": [] }), "l.json");
    const rules = ["--call", "GET /api/v1/{scope}/CO/**", "--call", "GET /api/v1/CO/**"];

    const { status, stdout } = await broker([
      "callers",
      "add",
      "shop",
      "--connections",
      "acme",
      ...rules,
      "--file",
      file,
    ]);

    expect(status).toBe(0);
    expect(stdout).toMatch(/\nwarning: callers: .* no \{scope\}: 1 \(shop \/api\/v1\/CO\/\*\*\)\. .*\n$/);
    const listed = await broker(["callers", "list", "--file", file]);
    expect(listed.stdout).toMatch(
      /\nwarning: callers: .* no \{scope\}: 1 \(shop \/api\/v1\/CO\/\*\*\)\. .*\nThis is the list in/,
    );
  });

  it.each([
    [["shop", "--connections", "acme", "--call", "GET /api/**/x"], /calls: the path "\/api\/\*\*\/x" has \*\* before/],
    [["shop", "--connections", "acme", "--call", "FETCH /api/*"], /calls\.methods: use some of GET, /],
    [["shop", "--connections", "acme", "--call", "/api/*"], /^error: --call must be methods and a path, like "GET,/],
    [["old-php", "--connections", "acme"], /name.* Nothing was changed\.\n$/],
    [["Old PHP", "--connections", "acme"], /^error: Invalid caller name\. /],
    [["shop", "--connections", "A!"], /^error: Invalid connection id\. /],
    [
      ["shop", "--connections", "acme", "--file", "new.json"],
      / cannot be read \(ENOENT\)\. .*: a new one is a file with \[\]/,
    ],
    [["shop"], /^error: Connections of shop, separated by commas is missing\. Add --connections IDS\.\n$/],
  ])("changes nothing for %j", async (args, message) => {
    const file = join(checkoutWith({ "l.json": [old] }), "l.json");

    expectError(await broker(["callers", "add", "--file", file, ...args]), 2, message);
    expect(readFileSync(file, "utf8")).toBe(JSON.stringify([old]));
  });
});

describe("broker callers add for a local run", () => {
  const local = new LocalBroker();
  beforeAll(() => local.start());
  afterAll(() => local.remove());

  const tokenWith = (key: string, name = "shop") =>
    fetch(`${local.run.url("ready")}/oauth/token`, {
      method: "POST",
      headers: { authorization: `Basic ${Buffer.from(`${name}:${key}`).toString("base64")}` },
      body: new URLSearchParams({ grant_type: "client_credentials", scope: "webapicorso" }),
    });

  it("makes a key that works at once, and that callers revoke finds", async () => {
    const { key } = await local.json<Added>(["callers", "add", "shop", "--connections", "webapicorso"]);

    expect((await tokenWith(key)).status).toBe(200);
    expect((await tokenWith(`${key.slice(0, -1)}!`)).status).toBe(401);
    const revoked = await local.broker(["callers", "revoke", "shop", "--yes"]);
    expect(revoked.stdout).toMatch(/^Revoked 1 key of shop\./);
  });

  it("makes a key that calls and gets no token, in both functions' parts of the list, with --call", async () => {
    const rule = "GET /api/v1/{scope}/CO/Orders";
    const { key, calls } = await local.json<Added & { calls: unknown }>([
      "callers",
      "add",
      "caller",
      "--connections",
      "webapicorso",
      "--call",
      rule,
    ]);

    const call = (path: string) =>
      fetch(`${local.run.url("ready")}/v1/connections/webapicorso/api/api/v1/webapicorso_alywebapicorso/CO/${path}`, {
        headers: { authorization: `Bearer ${key}` },
      });
    expect(calls).toEqual([{ methods: ["GET"], path: "/api/v1/{scope}/CO/Orders" }]);
    expect([(await call("Orders")).status, (await call("Customers")).status]).toEqual([200, 403]);
    expect((await tokenWith(key, "caller")).status).toBe(401);
    expect((await tokenWith(sampleCallerKey, "local-php")).status).toBe(200);
  });

  it("starts the functions anew: then an entry that callers revoke stopped makes no calls, and a restored one does", async () => {
    const form = new URLSearchParams({ grant_type: "password", username: "me", client_id: "page" });
    const signedIn = await fetch(`${local.run.url("issuer")}/token`, { method: "POST", body: form });
    const { access_token: jwt } = (await signedIn.json()) as { access_token: string };
    /** After an entry was added: then the function does not use what it read within the last 30 s. */
    const statusAfter = async (command: string, name: string) => {
      await local.json(["callers", ...command.split(" ")]);
      await local.json(["callers", "add", name, "--connections", "webapicorso"]);
      const url = `${local.run.url("ready")}/v1/connections/webapicorso/api/api/v1/%7Bscope%7D/CO/Orders`;
      return (await fetch(url, { headers: { authorization: `Bearer ${jwt}` } })).status;
    };

    expect(await statusAfter("revoke local-page --yes", "first")).toBe(401);
    expect(await statusAfter("restore local-page", "second")).toBe(200);
    expect(await statusAfter("revoke local-page --user page-user --yes", "third")).toBe(401);
    expect(await statusAfter("restore local-page --user page-user", "fourth")).toBe(200);
  });

  it("warns of a connection that does not exist, and adds the entry", async () => {
    const args = ["callers", "add", "early", "--connections", "webapicorso,webapicorso-x"];
    const ofLocal = await local.broker(args);
    const aws = await startAwsStandIn({ stacks: await stacksOf(local.run.url("ready")) });
    const env = awsEnvironment(aws.url, { AWS_ENDPOINT_URL_SECRETS_MANAGER: local.run.url("secretsmanager") });
    const ofStage = await broker([...args, "--file", join(checkoutWith({ "l.json": [] }), "l.json")], { env });
    await aws.close();

    const warning = /\nwarning: there is no connection webapicorso-x\. Did you mean webapicorso\? .* 404\.\n$/;
    expect([ofLocal, ofStage]).toMatchObject([0, 0].map((status) => ({ status, stderr: "" })));
    expect([ofLocal.stdout, ofStage.stdout].map((text) => text.match(/^warning/gm)?.length)).toEqual([1, 1]);
    expect(ofLocal.stdout).toMatch(warning);
    expect(ofStage.stdout).toMatch(warning);
  });

  it("says why an entry is not added", async () => {
    await local.json(["callers", "add", "twice", "--connections", "webapicorso"]);

    const again = await local.broker(["callers", "add", "twice", "--connections", "webapicorso"]);

    expectError(again, 2, /^error: The local run did not add twice: .*name twice\.\n$/);
  });

  it("accepts no entry of a web page", async () => {
    const url = `${local.run.url("ready")}/_local/callers`;
    const response = await fetch(url, { method: "POST", headers: { origin: local.run.url("ready") }, body: "{}" });

    expect(response.status).toBe(403);
  });
});
