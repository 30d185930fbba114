import { describe, expect, it } from "vitest";
import { History } from "../../dashboard/history.ts";
import { noticeTelemetry } from "../../functions/auth-core/notices.ts";
import { readLogLine } from "../../dashboard/log-line.ts";
import { startWorld } from "../support/world.ts";
import { failedAt, lineAt, replacedAt, requestAt, start } from "./lines.ts";

const historyOf = (...lines: Parameters<History["add"]>[0][]) => {
  const history = new History();
  for (const line of lines) history.add(line);
  return history;
};

describe("a line of the log", () => {
  it("is read with its instant, also if only the metrics in it have one", () => {
    const format = { Timestamp: (start + 1) * 1000 };

    const line = readLogLine(JSON.stringify({ _aws: format, message: "request", code: "ok" }));

    expect(line).toMatchObject({ at: start + 1, message: "request", level: "INFO", fields: { code: "ok" } });
  });

  it.each(["Error: a stack trace", "{", '{"_aws":{}}', '{"message":"request"}', '{"message":1}', "null", "[]"])(
    "is not read if it has no message or no instant: %s",
    (text) => {
      expect(readLogLine(text)).toBeUndefined();
    },
  );
});

describe("the past of a connection", () => {
  it("has each token with its life, and each failed attempt", () => {
    const history = historyOf(replacedAt(0, 1), failedAt(1800), replacedAt(1860, 2, { source: "api_key" }));

    expect(history.past("acme")).toEqual({
      tokens: [
        { generation: 1, from: start, until: start + 3600, by: "refresh_token" },
        { generation: 2, from: start + 1860, until: start + 5460, by: "api_key" },
      ],
      attempts: [{ at: start + 1800, code: "upstream_unavailable" }],
    });
    expect(history.past("other")).toBeUndefined();
  });

  it("has one bar for a token that Smart Services returned again", () => {
    const history = historyOf(replacedAt(0, 1), replacedAt(600, 1, { remainingSeconds: 3000 }));

    expect(history.past("acme")?.tokens).toEqual([
      { generation: 1, from: start, until: start + 3600, by: "refresh_token" },
    ]);
  });

  it("keeps two hours", () => {
    const history = historyOf(replacedAt(0, 1), failedAt(10), replacedAt(3600 + 7201, 2), failedAt(7300));

    expect(history.past("acme")).toMatchObject({ tokens: [{ generation: 2 }], attempts: [{ at: start + 7300 }] });
  });

  it("is drawn from what the broker itself says of a replacement", async () => {
    const world = await startWorld();
    const connection = world.register("webapicorso");
    await world.service().get(connection, { minTtl: 0 });
    const notice = world.notices.at(-1);
    if (!notice) throw new Error("Nothing was noticed.");
    const { fields, metrics } = noticeTelemetry(notice);

    const history = historyOf(lineAt(0, notice.kind, { ...fields, source: metrics?.source }));

    expect(history.past("webapicorso")?.tokens).toEqual([
      { generation: 1, from: start, until: start + 3600, by: "api_key" },
    ]);
  });
});

describe("the feed", () => {
  it("has the notices, newest first, each with its text and a section of the runbook", () => {
    const action = { connection: "acme", reason: "no_next_key_staged", detail: "Stage the next key." };

    const { events } = historyOf(
      requestAt(0, {}),
      replacedAt(1, 7),
      failedAt(2, "credentials_rejected"),
      lineAt(3, "api_key_action_needed", action, "WARN"),
      lineAt(4, "table_unavailable", { reason: "no response in time" }, "ERROR"),
    );

    expect(events).toEqual([
      {
        at: start + 4,
        level: "error",
        kind: "table_unavailable",
        text: "The table is unavailable: no response in time",
        runbook: "store-unavailable",
      },
      expect.objectContaining({
        level: "warn",
        connection: "acme",
        text: "Stage the next key.",
        runbook: "key-overdue",
      }),
      expect.objectContaining({ text: "Replacement failed: HTTP 503.", runbook: "credentials_rejected" }),
      expect.objectContaining({ level: "info", text: "New token, generation 7, by refresh token." }),
    ]);
  });
});
