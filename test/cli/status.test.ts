import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { parseConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import type { ConnectionState, ConnectionStatus } from "../../functions/status/rules/connection-status.ts";
import { describeStatus } from "../../console/describe-status.ts";
import { problems, statusTable } from "../../cli/status/status-table.ts";
import { printable } from "../../console/print.ts";
import { sampleCallsKey } from "../../local/callers/sample-callers.ts";
import { awsEnvironment, stacksOf, type StandIn, startAwsStandIn } from "./aws-stand-in.ts";
import { addCommand, broker, brokerInTerminal, LocalBroker } from "./harness.ts";
import { hasPrograms } from "../support/programs.ts";

const local = new LocalBroker();
beforeAll(() => local.start());
afterAll(() => local.remove());

const time = String.raw`\d\d:\d\dZ`;
const now = Date.parse("2026-11-24T12:00:00Z") / 1000;
const states: ConnectionState[] = ["fresh", "due", "retrying", "rejected", "expired", "not_ready", "removed"];

const codes: Partial<Record<ConnectionState, string>> = {
  retrying: "upstream_unavailable",
  rejected: "credentials_rejected",
  not_ready: "connection_not_ready",
};

function status(id: string, state: ConnectionState): ConnectionStatus {
  const connection = parseConnectionId(id);
  if (!connection) throw new Error("invalid connection id");
  return {
    connection,
    state,
    generation: 1,
    access_token_expires_at: "2026-11-24T12:52:00Z",
    key_age_days: 12,
    retiring_keys: [],
    failures: state === "fresh" || state === "due" ? 0 : 3,
    ...(codes[state] !== undefined && {
      last_error: {
        code: codes[state],
        detail: "Smart Services is unavailable (HTTP 503).",
        at: "2026-11-24T11:59:00Z",
      },
    }),
    next_action: {
      what: "replacement by API key in 3 d, because the refresh token expires",
      at: "2026-11-24T12:04:00Z",
    },
  };
}

test("statusTable has one whole line for each connection, with the cause of a failure", () => {
  const statuses = [...states.map((state) => status(state.replace("_", "-"), state)), status("a".repeat(63), "fresh")];

  const lines = statusTable(statuses, now).trimEnd().split("\n");

  expect(lines).toHaveLength(9);
  expect(lines[1]).toMatch(/^fresh +fresh +52 min +12 d +by API key in 3 d, because the refresh token expires$/);
  expect(lines[4]).toMatch(/^rejected +rejected +52 min +12 d +retry in 4 min: HTTP 503$/);
});

const deployment = { flags: " --stage prod" };

test("broker status describes each problem: its cause, until when callers are served, and the command that fixes it", () => {
  const found = [status("acme", "fresh"), status("b", "retrying"), status("c", "rejected"), status("d", "removed")];

  expect(problems(found, now, deployment)).toMatch(
    new RegExp(
      String.raw`^\nb: Smart Services is unavailable \(HTTP 503\)\. Callers are served until ${time}\.\n  Retry now: npx broker connections renew b --wait --stage prod\n` +
        String.raw`\nc: .* Callers are served until ${time}\.\n  Stage a valid key: npx broker keys stage c --stage prod\n$`,
    ),
  );
});

test("broker status describes the ten problems that are worst for callers, and counts the others", () => {
  const found = Array.from({ length: 12 }, (_, at) => ({
    ...status(`c-${at}`, "retrying"),
    access_token_expires_at: `2026-11-24T12:${10 + at}:00Z`,
  }));

  const text = problems(found.toReversed(), now, deployment);

  expect(text.match(/^c-\d+/gm)).toEqual(found.slice(0, 10).map(({ connection }) => connection));
  expect(text).toMatch(/\nand 2 more: npx broker status ID --stage prod\n$/);
});

test("statusTable paints each state, and prints no escape sequence without colours", () => {
  const statuses = states.map((state) => status("a", state));

  const painted = printable(statusTable(statuses, now, true));

  expect(painted).toContain("\u001B[32mfresh");
  expect(painted).toContain("\u001B[31mrejected");
  expect(painted).toContain("\u001B[33mretrying");
  expect(statusTable(statuses, now, false)).not.toContain("\u001B");
});

test("describeStatus has one line for each field, also if a scope of before has a line break", () => {
  const text = describeStatus({ ...status("a", "fresh"), scope: "acme\nkey fingerprint  fake" }, now, { flags: "" });

  expect(text).toMatch(/^scope +acme\\u000akey fingerprint {2}fake$/m);
});

test.each<[ConnectionState, string]>([
  ["fresh", `Callers are served until ${time}. Next: replacement by API key in 3 d, .*`],
  ["due", `Callers are served until ${time}. Next: .*`],
  [
    "retrying",
    String.raw`Smart Services is unavailable \(HTTP 503\). 3 attempts failed, the last at ${time}. Callers are served until ${time}. Next attempt in 4 min. Retry now: npx broker connections renew a --wait`,
  ],
  [
    "rejected",
    String.raw`\(HTTP 503\). 3 attempts failed, .* Callers are served until ${time}. Stage a valid key: npx broker keys stage a`,
  ],
  ["expired", "Next attempt in 4 min. Retry now: npx broker connections renew a --wait"],
  ["removed", `Add it again: npx broker connections add a`],
  ["not_ready", "Callers are served until .* See its secret: npx broker connections show a"],
])("describeStatus says in its first line what %s means", (state, sentences) => {
  const [line] = describeStatus(status("a", state), now, { flags: "" }).split("\n");

  expect(line).toMatch(new RegExp(`^${state} +.*${sentences}$`));
});

test.each<[ConnectionState, string]>([
  ["rejected", "Smart Services rejected the API key, and no replacement worked since."],
  ["not_ready", "The secret had no usable value, and no replacement worked since."],
])(
  "describeStatus and problems say why a connection is %s, also if its last attempt failed for another reason",
  (state, why) => {
    const outage = { ...status("a", state), last_error: status("a", "retrying").last_error } as ConnectionStatus;

    for (const text of [describeStatus(outage, now, { flags: "" }), problems([outage], now, { flags: "" })]) {
      expect(text).toContain(`${why} Now: Smart Services is unavailable (HTTP 503).`);
    }
  },
);

const rejection = {
  code: "credentials_rejected",
  detail: "Smart Services rejected the API key (HTTP 401). An operator must store a valid key.",
  at: "2026-11-24T11:59:00Z",
};
const dueAt = (what: string, at: string) =>
  ({ ...status("a", "rejected"), last_error: rejection, next_action: { what, at } }) as ConnectionStatus;

test.each<[string, ConnectionStatus, number | undefined, RegExp]>([
  [
    "a key was stored and is tried next",
    dueAt("retry by API key within a minute", "2026-11-24T12:00:00Z"),
    now - 20,
    / A key was stored at 11:59Z\. The next attempt, within a minute, uses it\.$/,
  ],
  [
    "the connection is due, and no new key was read",
    dueAt("retry by API key within a minute", "2026-11-24T12:00:00Z"),
    undefined,
    / The connection is due now; the next attempt is within a minute\. If it fails too, stage a valid key: npx broker keys stage a$/,
  ],
  [
    "a replacement is running",
    dueAt("replacement in progress", "2026-11-24T12:00:09Z"),
    undefined,
    /the next attempt is within a minute\. If it fails too, stage a valid key: npx broker keys stage a$/,
  ],
])("describeStatus and problems do not ask for a key that may be stored already: %s", (_, rejected, storedAt, end) => {
  const flags = { flags: "" };
  const [line = ""] = describeStatus(rejected, now, flags, storedAt).split("\n");
  const below = problems([rejected], now, flags, new Map(storedAt === undefined ? [] : [["a", storedAt]]));

  for (const text of [line, below.trimEnd()]) {
    expect(text).toMatch(end);
    expect(text).toContain("Smart Services rejected the API key (HTTP 401).");
    expect(text).not.toContain("An operator must");
  }
});

test("describeStatus asks for a valid key while the rejected one backs off, or an old key is checked", () => {
  for (const rejected of [
    dueAt("retry by API key in 4 min", "2026-11-24T12:04:00Z"),
    dueAt("within a minute: check whether the old key can be revoked", "2026-11-24T11:59:30Z"),
  ]) {
    expect(describeStatus(rejected, now, { flags: "" })).toMatch(
      /^rejected .* An operator must store a valid key\. .* Stage a valid key: npx broker keys stage a\n/,
    );
  }
});

test("describeStatus has every instant in UTC, in a machine of any time zone", () => {
  vi.stubEnv("TZ", "Asia/Tokyo");
  onTestFinished(() => void vi.unstubAllEnvs());
  const later = { ...status("a", "retrying"), access_token_expires_at: "2026-11-24T23:52:00Z" };

  const text = describeStatus(later, now, { flags: "" });
  const nextDay = describeStatus(later, now - 86_400, { flags: "" });

  expect(text).toContain("the last at 11:59Z. Callers are served until 23:52Z.");
  expect(nextDay).toContain("the last at 24 Nov, 11:59Z. Callers are served until 24 Nov, 23:52Z.");
  expect(text.match(/\d\d:\d\d(:\d\d)?(?![\d:Z])/g)).toBeNull();
  // One form in the fields too.
  expect(text).toMatch(/^access token expires at +23:52Z\n/m);
  expect(text).toMatch(/^last error +upstream_unavailable at 11:59Z: /m);
  expect(text).toMatch(/^next action +.* \(12:04Z\)\n/m);
});

test("broker status shows what the status route says", async () => {
  const all = await local.json<ConnectionStatus[]>(["status"]);
  const { stdout } = await local.broker(["status"]);
  const one = await local.broker(["status", "webapicorso"]);

  expect(all).toMatchObject([{ connection: "webapicorso", state: "fresh", generation: 1 }]);
  expect(stdout).toMatch(
    /^CONNECTION +STATE +TOKEN +KEY +NEXT\nwebapicorso +fresh +(1 hour|\d+ min) +0 d +by refresh token in \d+ min\n$/,
  );
  expect(one.stdout).toMatch(/^fresh +Callers are served until (\d+ [A-Z][a-z]{2}, )?\d\d:\d\dZ\./);
});

test.skipIf(!hasPrograms("python3")).each([
  ["prints colours in a terminal", {}, true],
  ["prints no colours in a terminal with NO_COLOR", { NO_COLOR: "1" }, false],
])("broker status %s", async (_, env, coloured) => {
  const { output } = await brokerInTerminal(["status", ...local.options], [], env);

  expect(output).toContain("webapicorso");
  expect(output.includes("\u001B[32mfresh")).toBe(coloured);
});

test("broker status --fields prints only these members, and null for one that is missing", async () => {
  const all = await local.json<object[]>(["status", "--fields", "connection, last_error"]);
  const one = await local.broker(["status", "webapicorso", "--fields=state,generation"]);
  const wrong = await local.broker(["status", "--fields", "stb_Fake-Secret-1"]);

  expect(all).toEqual([{ connection: "webapicorso", last_error: null }]);
  expect(one.stdout).toBe('{"state":"fresh","generation":1}\n');
  expect(wrong).toMatchObject({ status: 2, stdout: "" });
  expect(JSON.parse(wrong.stderr)).toMatchObject({
    code: "usage",
    error: expect.stringMatching(/^--fields names no member of the output\. It has: connection, state, /) as string,
  });
});

test("broker status --exit-code is 1 if callers of a connection get errors, and describes it", async () => {
  const key = await local.issueKey("bad");
  await local.json([...addCommand("bad"), "--rotate-every-days", "0", "--skip-exchange"], key);
  await local.scenario({ mode: "refused" });
  await local.broker(["token", "get", "bad"]);
  await local.scenario({ mode: "ok" });

  const all = await local.broker(["status", "--exit-code"]);
  const good = await local.broker(["status", "webapicorso", "--exit-code"]);
  const withoutOption = await local.broker(["status"]);

  expect([all.status, good.status, withoutOption.status]).toEqual([1, 0, 0]);
  expect(all.stdout).toMatch(
    /^\nbad: Smart Services rejected the API key \(HTTP 401\)\. .* Callers get an error\.\n  Stage a valid key: npx broker keys stage bad --local-url /m,
  );
});

test("broker status and doctor have the share of failed calls, and the probe names the API that is down", async () => {
  await local.add("down", "--api-base-url", "http://127.0.0.1:2");
  const headers = { authorization: `Bearer ${sampleCallsKey}` };
  const call = (id: string, path: string) =>
    fetch(`${local.run.url("ready")}/v1/connections/${id}/api/api/v1/%7Bscope%7D/${path}`, { headers });
  for (const id of ["down", "webapicorso", "webapicorso"]) await call(id, "CO/Orders");
  await call("webapicorso", "not-allowed");
  const rows = Object.entries({ ok: "58", api_unreachable: "1", api_5xx: "41", credential_not_accepted: "7" });
  const stacks = await stacksOf(local.run.url("ready"));
  const resources = ["CallsLogs1", "TokenLogs1"].map((LogicalResourceId) => ({
    LogicalResourceId,
    PhysicalResourceId: `fake-${LogicalResourceId}`,
    ResourceType: "AWS::Logs::LogGroup",
  }));
  const aws: StandIn = { stacks, resources, logRequests: [], rows: rows.map(([code, calls]) => ({ code, calls })) };
  const standIn = await startAwsStandIn(aws);

  const text = "Calls in the last 5 min: 3, 1 failed (34 %): api_unreachable 1.";
  expect((await local.broker(["status"])).stdout).toContain(
    `\n${text} See them: npx broker logs --errors --local-url `,
  );
  const doctor = await local.broker(["doctor"]);
  expect(doctor.stdout).toContain(`warning  ${text}\n         fix: npx broker logs --errors `);
  const { stdout: log } = await local.broker(["logs", "--errors"]);
  expect([log.includes("api_unreachable"), log.includes("credential_not_accepted")]).toEqual([true, false]);
  const probe = await local.broker(["doctor", "--probe", "down", "--yes"]);
  expect(probe.stdout).toContain("warning  down: The business API at http://127.0.0.1:2 is down (ECONNREFUSED), so ");
  const deployed = await broker(["status"], { env: awsEnvironment(standIn.url) });
  expect(deployed.stdout).toContain(
    "\nCalls in the last 5 min: 100, 42 failed (42 %): api_5xx 41, api_unreachable 1. See",
  );
  expect(aws.logRequests?.[0]).toMatchObject({ operation: "StartQuery", logGroupNames: ["fake-CallsLogs1"] });
  await standIn.close();
});

test("broker status --watch prints the table until it is interrupted", async () => {
  const args = ["cli/broker.ts", "status", "--watch", "--every", "1", ...local.options];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  let shown = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (shown += text));

  while (shown.split("CONNECTION").length < 3) await once(child.stdout, "data");
  child.kill("SIGINT");
  const [, signal] = (await once(child, "exit")) as [number | null, string | null];

  expect(signal).toBe("SIGINT");
  expect(shown.match(/^webapicorso +fresh/gm)?.length).toBeGreaterThanOrEqual(2);
});
