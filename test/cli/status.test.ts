import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import type { ConnectionState, ConnectionStatus } from "../../functions/status/connection-status.ts";
import { statusTable } from "../../cli/status/status.ts";
import { has } from "../local/run-harness.ts";
import { brokerInTerminal, LocalBroker } from "./harness.ts";

const local = new LocalBroker();
beforeAll(() => local.start());
afterAll(() => local.run.remove());

const now = Date.parse("2026-11-24T12:00:00Z") / 1000;
const states: ConnectionState[] = ["fresh", "due", "retrying", "rejected", "expired", "not_ready"];

function status(id: string, state: ConnectionState): ConnectionStatus {
  const connection = parseConnectionId(id);
  if (!connection) throw new Error("a connection id");
  return {
    connection,
    state,
    generation: 1,
    access_token_expires_at: "2026-11-24T12:52:00Z",
    key_age_days: 12,
    retiring_keys: [],
    failures: state === "fresh" || state === "due" ? 0 : 3,
    ...(state === "rejected" && { last_error: { code: "credentials_rejected", detail: "…", at: "…" } }),
    next_action: {
      what:
        state === "rejected"
          ? "retry by API key in 4 min, because the refresh-token request failed"
          : "replacement by API key in 3 d, because the refresh token expires",
      at: "…",
    },
  };
}

test("the table has a line of at most 80 characters for each connection, however long its id", () => {
  const statuses = [...states.map((state) => status(state.replace("_", "-"), state)), status("a".repeat(63), "fresh")];

  const lines = statusTable(statuses, now, false).trimEnd().split("\n");

  expect(lines).toHaveLength(8);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
  expect(lines[1]).toMatch(/^fresh +fresh +52 min +12 d +by API key in 3 d, bec/);
  expect(lines[4]).toMatch(/^rejected +rejected +52 min +12 d +retry in 4 min: credentials_/);
});

test("each state has its colour, and where colours are off there is no escape sequence", () => {
  const statuses = states.map((state) => status("a", state));

  const painted = statusTable(statuses, now, true);

  expect(painted).toContain("\u001B[32mfresh");
  expect(painted).toContain("\u001B[31mrejected");
  expect(painted).toContain("\u001B[33mretrying");
  expect(statusTable(statuses, now, false)).not.toContain("\u001B");
});

test("status shows what the status route says", async () => {
  const all = await local.json<ConnectionStatus[]>(["status"]);
  const { stdout } = await local.broker(["status"]);
  const one = await local.broker(["status", "webapicorso"]);

  expect(all).toMatchObject([{ connection: "webapicorso", state: "fresh", generation: 1 }]);
  expect(stdout).toMatch(
    /^CONNECTION +STATE +TOKEN +KEY +NEXT\nwebapicorso +fresh +\d+ min +0 d +refresh in \d+ min\n$/,
  );
  expect(one.stdout).toMatch(/^state +fresh$/m);
});

test.skipIf(!has("python3")).each([
  ["a terminal gets colours", {}, true],
  ["a terminal gets none where NO_COLOR is set", { NO_COLOR: "1" }, false],
])("%s", async (_, env, coloured) => {
  const { output } = await brokerInTerminal(["status", ...local.options], [], env);

  expect(output).toContain("webapicorso");
  expect(output.includes("\u001B[32mfresh")).toBe(coloured);
});

test("--watch shows the table again and again, until it is ended", async () => {
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
