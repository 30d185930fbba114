import { afterAll, beforeAll, expect, test } from "vitest";
import { sampleCallerKey } from "../../local/callers/sample-callers.ts";
import { account, addCommand, broker, brokerProcess, expectError, LocalBroker } from "./harness.ts";

const local = new LocalBroker();
beforeAll(() => local.start());
afterAll(() => local.remove());

// cspell:ignore webapicosro
test.each([
  // First: the log then has requests for the mistyped id.
  "logs --connection ID",
  "events --connection ID",
  "connections show ID",
  "connections set ID --language de-DE",
  "connections renew ID",
  "connections remove ID --yes",
  "keys status ID",
  "keys stage ID",
  "keys rotate ID",
  "token get ID",
  "token reject ID --token-file -",
  "status ID",
  "status ID --watch",
  "doctor --yes --probe ID",
])("broker %s says that a mistyped id is no connection, and which one may be meant", async (command) => {
  const withId = (id: string) => local.broker(command.replace("ID", id).split(" "), "fake-token");

  const mistyped = await withId("webapicosro");
  const other = await withId("nobody");

  const next = `List all connections: npx broker connections list --local-url ${local.run.url("ready")}\n`;
  expect(mistyped.stderr).toBe(`error: There is no connection webapicosro. Did you mean webapicorso? ${next}`);
  expect(other).toMatchObject({ status: 3, stderr: `error: There is no connection nobody. ${next}` });
});

test.each<[string, string[], number, RegExp]>([
  ["a malformed id to watch", ["status", "ACME", "--watch"], 2, /Invalid connection id/],
  ["a bad --every", ["status", "--every", "0"], 2, /--every must be a whole number from 1/],
  ["a bad --recovery-days", ["connections", "remove", "x", "--recovery-days", "3"], 2, /from 7 to 30/],
  ["a folder for a file", ["connections", "add", "x", "--file", "/tmp"], 2, /cannot be read \(EISDIR\)/],
  ["an empty stdin", ["keys", "stage", "webapicorso", "--key-file", "-"], 2, /stdin is empty/],
  ["a prompt without a terminal", ["keys", "stage", "webapicorso"], 2, /--key-file FILE, or --key-file - for stdin/],
  ["a test of alarms", ["alarms", "test", "--yes"], 2, /A local run has no alarms\. Test those of a deployment: /],
  ["--apply without --probe", ["doctor", "--apply"], 2, /need --probe/],
  [
    "--file with a field",
    ["connections", "add", "x", "--file", "-", "--language", "x"],
    2,
    /is the whole registration/,
  ],
])("%s fails with one line and the documented exit code", async (_, args, code, message) => {
  expectError(await local.broker(args), code, message);
});

test.each<[string, string, number, object]>([
  [
    "an unavailable Smart Services",
    "unavailable",
    5,
    { code: "upstream_unavailable", retry_after: expect.any(Number) },
  ],
  ["a rejected key", "refused", 4, { code: "credentials_rejected" }],
])("token get fails with the documented exit code and the members of the error: %s", async (_, mode, code, members) => {
  const id = `get-${mode}`;
  const key = await local.issueKey(id);
  await local.json([...addCommand(id), "--skip-exchange", "--rotate-every-days", "0"], key);
  await local.scenario({ mode });
  const { status, stderr } = await local.broker(["token", "get", id, "--json"]);
  await local.scenario({ mode: "ok" });

  expect(status).toBe(code);
  expect(JSON.parse(stderr)).toEqual({
    error: expect.stringMatching(
      new RegExp(`^${mode === "unavailable" ? "upstream" : "credentials"}_.* npx broker status`),
    ),
    exit_code: code,
    request_id: expect.stringMatching(/./) as string,
    ...members,
  });
});

test("connections add names the wrong field of a registration, and repeats no value", async () => {
  const text = JSON.stringify({ username: "fake", scope: "fake", apiKey: "fake key 1" });

  const wrong = await local.broker(["connections", "add", "x", "--file", "-"], text);
  const broken = await local.broker(["connections", "add", "x", "--file", "-"], text.slice(0, -2));

  expectError(wrong, 2, /apiKey contains a space/);
  expectError(broken, 2, /not JSON/);
  expect(wrong.stderr + broken.stderr).not.toContain("fake key 1");
});

// The other tests run commands inside their own process, which cannot show that a command ends by itself: these use each
// client that could keep it alive.
test.each<[string[]]>([
  [["conections"]],
  [["connections", "set", "webapicorso", "--language", "it-IT"]],
  [["keys", "stage", "webapicorso", "--key-file", "-"]],
  [["token", "get", "webapicorso"]],
  [["doctor"]],
])("a process of broker %j ends, and says what the same command says here", async (args) => {
  const given = [...args, ...local.options];
  const ended = await brokerProcess(given, { stdin: "fake-secret-1" });

  const { status, stdout, stderr } = await broker(given, { stdin: "fake-secret-1" });

  expect(ended).toMatchObject({ status, stderr });
  expect(ended.stdout.replaceAll(/\d+/g, "0")).toBe(stdout.replaceAll(/\d+/g, "0"));
});

/** A token of the vendor's API with the caller key of the sample list. The status. */
async function tokenOf(id: string): Promise<number> {
  const form = new FormData();
  for (const [name, value] of Object.entries({ ...account(id), token: `Bearer ${sampleCallerKey}` }))
    form.set(name, value);
  return (await fetch(`${local.run.url("ready")}/api/v1/auth/token`, { method: "POST", body: form })).status;
}

test("the caller key of the sample list works for a connection that was added later, and add says so; no other entry gets it", async () => {
  await local.json(["callers", "add", "mine", "--connections", "webapicorso"]);
  const key = await local.issueKey("later");

  const command = [...addCommand("later"), "--rotate-every-days", "0", "--api-base-url", local.run.url("simulator")];
  const { status, stdout } = await local.broker(command, key);

  expect(status).toBe(0);
  expect(stdout).toContain("The callers of the sample list can use later too, until the local run ends.\n");
  expect(await tokenOf("later")).toBe(200);
  expect(await tokenOf("webapicorso")).toBe(200);
  const { stdout: list } = await local.broker(["callers", "list"]);
  expect(list).toMatch(/^local-php \(key\)\n {2}connections: webapicorso.* later\n/);
  expect(list).toMatch(/\nmine \(key\)\n {2}connections: webapicorso\n/);
  expect(list).toMatch(/\nThis is the list of the local run, until that ends\.\n$/);
});

test("a page cannot extend the sample list, and neither can an invalid id", async () => {
  const extend = async (connection: string, headers: Record<string, string> = {}) => {
    const body = JSON.stringify({ connection });
    return (await fetch(`${local.run.url("ready")}/_local/sample-list`, { method: "POST", body, headers })).status;
  };

  const origin = local.run.url("ready");
  expect([await extend("other", { origin }), await extend("../other")]).toEqual([403, 400]);
  expect((await fetch(`${origin}/_local/callers`, { headers: { origin } })).status).toBe(403);
});
