import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { painted, printable } from "../../console/print.ts";
import { listen } from "../../fixtures/listen.ts";
import { broker, describedLocal } from "./harness.ts";

// Text of others must not control the terminal of the operator, in any field of any answer.

/** Writes the clipboard, rings the bell, changes the colour with one character (CSI of 8 bits), deletes, and reverses text. */
const hostile = "\u001B]52;c;ZmFrZQ==\u0007\u009B31m\u007F\u202Ez\u0085";
/** What a terminal must not get. */
const control = /(?!\n)[\p{Cc}\p{Bidi_Control}]/u;

const at = "2026-11-24T10:47:05Z";
const status = {
  connection: "acme",
  state: "rejected",
  generation: 1,
  access_token_expires_at: at,
  refresh_token_expires_at: at,
  last_success_at: at,
  obtained_by: "api_key",
  scope: "acme_alyacme",
  api_base_url: "https://api.test",
  single_active_token: false,
  key_fingerprint: "0123456789abcdef",
  key_age_days: 1,
  retiring_keys: [{ fingerprint: "0123456789abcdef", since: at, retirable_at: at }],
  failures: 1,
  last_error: { code: "credentials_rejected", detail: "Fake (HTTP 401). Fake.", at },
  next_action: { what: "retry by API key within a minute", at },
};
const problem = { type: "urn:fake", status: 503, code: "unavailable", detail: "Fake.", request_id: "fake" };
const token = {
  access_token: "fake-token-1",
  token_type: "Bearer",
  expires_in: 60,
  scope: "acme",
  api_base_url: "fake",
};
const described = {
  ARN: "arn:aws:secretsmanager:eu-south-1:123456789012:secret:fake",
  Name: "smart-token-broker/dev/acme",
  VersionIdsToStages: { "fake-version-1": ["AWSCURRENT"], "fake-version-2": ["AWSPENDING"] },
  RotationEnabled: true,
};
const listed = { SecretList: [{ ...described, SecretVersionsToStages: described.VersionIdsToStages }] };
const registration = { username: "admin_acme", scope: "acme_alyacme", apiKey: "fake-key-1", language: "it-IT" };
const secretValue = { Name: described.Name, VersionId: "fake-version-1", SecretString: JSON.stringify(registration) };
const line = { level: "WARN", message: "request", route: "GET /fake", callerRole: "arn:fake/role", requestId: "fake" };
const failed = { ...line, status: 502, code: "unavailable", connection: "acme", reason: "fake", source: "none" };
const lines = [
  failed,
  { ...line, message: "connection_rejected", connection: "acme", reason: "fake", detail: "fake", step: "fake" },
  { ...line, message: "replacement_failed", failures: 1, code: "fake", reason: "fake", warning: "fake", by: "fake" },
  { ...line, message: "internal error", error: { name: "Error", message: "fake" }, keyFingerprint: "fake" },
].map((each, index) => ({ number: index + 1, at: Date.now(), line: each }));

interface Answer {
  status?: number;
  body: object;
}
const usual: Record<string, Answer> = {
  "/v1/status": { body: { connections: [status] } },
  "/v1/status/acme": { body: status },
  "/v1/connections/acme/token": { body: token },
  "/_local/logs": { body: { lines, next: lines.length } },
  "secretsmanager.ListSecrets": { body: listed },
  "secretsmanager.DescribeSecret": { body: described },
  "secretsmanager.GetSecretValue": { body: secretValue },
};
let answers = usual;

let server: Awaited<ReturnType<typeof listen>>;
beforeAll(async () => {
  server = await listen(
    createServer((request, response) => {
      request.resume();
      const { url } = server;
      const { pathname, searchParams } = new URL(request.url ?? "", url);
      const name = String(request.headers["x-amz-target"] ?? pathname);
      const isEnd = name === "/_local/logs" && searchParams.get("after") !== "0";
      const { status: code = 200, body } =
        name === "/_local/deployment"
          ? { body: describedLocal(url) }
          : isEnd
            ? { body: { lines: [], next: lines.length } }
            : (answers[name] ?? { status: 404, body: {} });
      response.writeHead(code, { "content-type": "application/x-amz-json-1.1" }).end(JSON.stringify(body));
    }),
  );
});
afterAll(() => server.close());
beforeEach(() => {
  answers = usual;
});

/** Copies of a value, each with another text in it made hostile. The text of a registration is JSON. */
function* withHostileText(value: unknown): Generator {
  if (typeof value === "string") {
    yield `${value}${hostile}`;
    if (value.startsWith("{")) for (const inner of withHostileText(JSON.parse(value))) yield JSON.stringify(inner);
  } else if (typeof value === "object" && value !== null) {
    for (const [name, member] of Object.entries(value)) {
      for (const changed of withHostileText(member)) {
        yield Array.isArray(value)
          ? value.map((each, index) => (String(index) === name ? changed : (each as unknown)))
          : { ...value, [name]: changed };
      }
    }
  }
}

const allOfStatus = ["status", "connections list", "keys status", "doctor"];
const ofOne = ["status acme", "connections show acme", "keys status acme"];

test.each<[string, Answer, string[]]>([
  ["/v1/status", { body: { connections: [status] } }, allOfStatus],
  ["/v1/status/acme", { body: status }, ofOne],
  ["/v1/status/acme", { status: 503, body: problem }, ofOne],
  ["/v1/status/acme", { status: 403, body: { message: "Forbidden" } }, ofOne],
  ["/v1/connections/acme/token", { body: token }, ["token get acme"]],
  ["/v1/connections/acme/token", { status: 502, body: { ...problem, code: "unavailable" } }, ["token get acme"]],
  ["/v1/connections/acme/token", { status: 404, body: { ...problem, code: "unknown_connection" } }, ["token get acme"]],
  ["/_local/logs", { body: { lines, next: 9 } }, ["logs", "logs --errors", "events"]],
  ["secretsmanager.ListSecrets", { status: 400, body: { __type: "FakeException", message: "fake" } }, ["doctor"]],
  ["secretsmanager.DescribeSecret", { body: described }, ["connections show acme", "keys status acme"]],
  ["secretsmanager.DescribeSecret", { status: 400, body: { __type: "Fake", message: "fake" } }, ["keys rotate acme"]],
])("No text of the answer of %s controls the terminal", async (name, { status: code = 200, body }, commands) => {
  expect(await textsShown(name, code, body, commands)).toBeGreaterThan(0);
});

// Ids, versions and registrations are checked, so nothing of them is printed.
test.each<[string, Answer, string[]]>([
  ["secretsmanager.ListSecrets", { body: listed }, ["connections list", "keys status", "doctor"]],
  ["secretsmanager.GetSecretValue", { body: secretValue }, ["connections show acme", "doctor"]],
])("No text of the answer of %s gets as far as the terminal", async (name, { body }, commands) => {
  expect(await textsShown(name, 200, body, commands)).toBe(0);
});

/** Runs the commands with each text of an answer made hostile. How often one of them printed it, in a visible form. */
async function textsShown(name: string, code: number, body: object, commands: string[]): Promise<number> {
  let shown = 0;
  for (const changed of withHostileText(body)) {
    answers = { ...usual, [name]: { status: code, body: changed as object } };
    for (const command of commands) {
      const args = [...command.split(" "), "--local-url", server.url];
      const text = await broker(args);
      const json = await broker([...args, "--json"]);

      for (const output of [text.stdout, text.stderr, json.stdout, json.stderr]) {
        expect(output.replaceAll("\n", "")).not.toMatch(control);
        if (output.includes(String.raw`\u009b31m`)) shown += 1;
      }
      // Still JSON, with the text as it came.
      const printed = json.stdout + json.stderr;
      const parsed: unknown = JSON.parse(printed);
      expect(JSON.stringify(parsed).includes("\u009B")).toBe(printed.includes(String.raw`\u009b`));
    }
  }
  return shown;
}

test("printable keeps a command's own colours and line breaks, and no others", () => {
  const text = `${painted("red", `a${hostile}\u001B[32mb`)}\nc\r\u001B[39m`;

  expect(printable(text)).toBe(
    String.raw`${"\u001B"}[31ma\u001b]52;c;ZmFrZQ==\u0007\u009b31m\u007f\u202ez\u0085\u001b[32mb${"\u001B"}[39m${"\n"}c\u000d\u001b[39m`,
  );
});

test("Every command of broker prints with the functions of print.ts", () => {
  const folder = join(import.meta.dirname, "../../cli");
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));
  const writes = /\bprocess\.std(out|err)\.write\((?!"", )|\bconsole\.(log|error)\b/;

  expect(files.filter((file) => writes.test(readFileSync(join(folder, file), "utf8")))).toEqual([]);
});
