import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import type { ConnectionState, ConnectionStatus } from "../../functions/status/connection-status.ts";
import type { Deployment } from "../../cli/deployment/deployment.ts";
import { describeStatus } from "../../cli/status/describe.ts";
import { statusTable } from "../../cli/status/status.ts";
import { brokerInTerminal, LocalBroker } from "./harness.ts";
import { hasPrograms } from "../support/programs.ts";

const local = new LocalBroker();
beforeAll(() => local.start());
afterAll(() => local.remove());

const now = Date.parse("2026-11-24T12:00:00Z") / 1000;
const states: ConnectionState[] = ["fresh", "due", "retrying", "rejected", "expired", "not_ready"];

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

test("statusTable has a line of at most 80 characters for each connection, however long its id", () => {
  const statuses = [...states.map((state) => status(state.replace("_", "-"), state)), status("a".repeat(63), "fresh")];

  const lines = statusTable(statuses, now, false).trimEnd().split("\n");

  expect(lines).toHaveLength(8);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
  expect(lines[1]).toMatch(/^fresh +fresh +52 min +12 d +by API key in 3 d, bec/);
  expect(lines[4]).toMatch(/^rejected +rejected +52 min +12 d +retry in 4 min: credentials_/);
});

test("statusTable paints each state, and prints no escape sequence without colours", () => {
  const statuses = states.map((state) => status("a", state));

  const painted = statusTable(statuses, now, true);

  expect(painted).toContain("\u001B[32mfresh");
  expect(painted).toContain("\u001B[31mrejected");
  expect(painted).toContain("\u001B[33mretrying");
  expect(statusTable(statuses, now, false)).not.toContain("\u001B");
});

const time = String.raw`\d\d:\d\d`;
test.each<[ConnectionState, string]>([
  ["fresh", `Callers are served until ${time}. Next: replacement by API key in 3 d, .*`],
  ["due", `Callers are served until ${time}. Next: .*`],
  [
    "retrying",
    String.raw`Smart Services is unavailable \(HTTP 503\). 3 attempts failed, the last at ${time}. Callers are served until ${time}. Next attempt in 4 min.`,
  ],
  [
    "rejected",
    String.raw`\(HTTP 503\). 3 attempts failed, .* Callers are served until ${time}. Stage a valid key: npx broker keys stage a`,
  ],
  ["expired", "Next attempt in 4 min."],
  ["not_ready", "Callers are served until .* See its secret: npx broker connections show a"],
])("describeStatus says in its first line what %s means", (state, sentences) => {
  const [line] = describeStatus(status("a", state), now, { flags: "" } as Deployment).split("\n");

  expect(line).toMatch(new RegExp(`^${state} +.*${sentences}$`));
});

test("describeStatus says that callers get an error without a valid token", () => {
  const expired = { ...status("a", "expired"), access_token_expires_at: "2026-11-24T11:00:00Z" };

  expect(describeStatus(expired, now, { flags: "" } as Deployment)).toMatch(
    /^expired +Callers get an error\. Next attempt /,
  );
});

test("broker status shows what the status route says", async () => {
  const all = await local.json<ConnectionStatus[]>(["status"]);
  const { stdout } = await local.broker(["status"]);
  const one = await local.broker(["status", "webapicorso"]);

  expect(all).toMatchObject([{ connection: "webapicorso", state: "fresh", generation: 1 }]);
  expect(stdout).toMatch(
    /^CONNECTION +STATE +TOKEN +KEY +NEXT\nwebapicorso +fresh +(1 hour|\d+ min) +0 d +by refresh token in \d+ min\n$/,
  );
  expect(one.stdout).toMatch(/^fresh +Callers are served until (\d+ [A-Z][a-z]{2}, )?\d\d:\d\d\./);
});

test.skipIf(!hasPrograms("python3")).each([
  ["prints colours in a terminal", {}, true],
  ["prints no colours in a terminal with NO_COLOR", { NO_COLOR: "1" }, false],
])("broker status %s", async (_, env, coloured) => {
  const { output } = await brokerInTerminal(["status", ...local.options], [], env);

  expect(output).toContain("webapicorso");
  expect(output.includes("\u001B[32mfresh")).toBe(coloured);
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
