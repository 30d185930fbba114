import middy from "@middy/core";
import type { Context } from "aws-lambda";
import { vi } from "vitest";
import { answerReply, failureReply, problems, wantedLine, type Reply } from "../../functions/auth-core/http/reply.ts";
import { report } from "../../functions/auth-core/http/report.ts";
import { observer, type Observer } from "../../functions/auth-core/observe.ts";
import type { FailureCode } from "../../functions/auth-core/rules/failure.ts";
import type { RotationReason } from "../../functions/auth-core/rules/next-key.ts";
import { warningOf } from "../../functions/auth-core/use-cases/check-secret.ts";
import type { Notice } from "../../functions/auth-core/use-cases/ports.ts";
import type { Verdict } from "../../functions/prober/judge.ts";
import { tokenEvent } from "../handler/event.ts";
import { fakeTokenSet } from "../support/items.ts";
import { connectionId } from "../support/registration.ts";

const connection = connectionId("webapicorso");
const sources = ["memory", "table", "upstream"] as const;
const grants = ["exchange", "refresh"] as const;

/** What can stop a replacement; the other codes are those of requests alone. */
const replacementFailures: FailureCode[] = [
  "connection_not_ready",
  "credentials_rejected",
  "upstream_malformed",
  "upstream_unavailable",
  "unavailable",
];

const rotationReasons: Record<RotationReason, true> = {
  no_next_key: true,
  next_key_malformed: true,
  next_key_refused: true,
  next_key_of_another_scope: true,
  superseded: true,
  issuer_failed: true,
  upstream_unavailable: true,
};

const verdicts: Record<Verdict, true> = { ok: true, open: true, no_answer: true, refused: true, not_valid: true };

/** What the daily look at a secret can find, out of the rule itself. */
function dailyReasons(): string[] {
  const at = 1_800_000_000;
  const secrets = [
    { labels: new Map([["v2", ["AWSPENDING"]]]), rotationEnabled: true, lastChangedAt: at - 90_000 },
    { labels: new Map([["v1", ["AWSCURRENT"]]]), rotationEnabled: false },
    { labels: new Map([["v1", ["AWSCURRENT"]]]), rotationEnabled: true, nextRotationAt: at + 3600 },
  ];
  return secrets.map((secret) => warningOf(secret, false, true, at)?.reason ?? "none");
}

const actionNeeded = (reason: string): Notice => ({
  kind: "api_key_action_needed",
  connection,
  reason,
  detail: "fake detail",
});
const called = (grant: "exchange" | "refresh"): Notice => ({
  kind: "upstream_called",
  grant,
  outcome: "tokens",
  durationMs: 1,
});

/** What replacing a token set can tell of: in the request of a caller, or in a sweep. */
const replacing: Notice[] = [
  ...grants.map(called),
  ...grants.map((by): Notice => ({ kind: "replaced", connection, by, generation: 1, progress: true })),
  ...replacementFailures.map(
    (code): Notice => ({ kind: "replacement_failed", connection, code, reason: "fake", failures: 1 }),
  ),
  { kind: "commit_not_written", connection, reason: "fake" },
  { kind: "table_unavailable", connection, reason: "fake" },
  { kind: "secrets_unavailable", connection, reason: "fake" },
];

const tell = (observe: Observer, notices: Notice[]) => notices.forEach(observe.notice);

/** Answers a request as the functions do, through the middleware that writes its line. */
async function answer(observe: Observer, reply: Reply): Promise<void> {
  const handler = middy()
    .use(report(observe))
    .handler(() => reply);
  await handler(tokenEvent(connection), {} as Context);
}

async function answerTokens(observe: Observer): Promise<void> {
  for (const source of sources) {
    const set = fakeTokenSet();
    const served = { kind: "token" as const, set, generation: 1, source };
    const reply = answerReply(served, set.obtainedAt, "request-1");
    await answer(observe, { ...reply, line: { ...reply.line, connection, ...wantedLine(served, 60, set.obtainedAt) } });
  }
}

async function answerFailures(observe: Observer): Promise<void> {
  const codes = Object.keys(problems) as FailureCode[];
  for (const code of codes) await answer(observe, failureReply({ code, detail: "fake detail" }, "request-1"));
}

async function serve(observe: Observer): Promise<void> {
  await answerTokens(observe);
  await answerFailures(observe);
  tell(observe, replacing);
}

const speakers: Record<string, (observe: Observer) => void | Promise<void>> = {
  token: serve,
  async oauth(observe) {
    await serve(observe);
    for (const code of ["invalid_client", "invalid_grant"]) observe.request({ code, source: "none" }, 1);
  },
  async status(observe) {
    await answerFailures(observe);
    tell(observe, [{ kind: "table_unavailable", reason: "fake" }]);
  },
  rotation(observe) {
    tell(observe, [...replacing, ...dailyReasons().map(actionNeeded)]);
    tell(observe, [{ kind: "api_key_retirable", connection, keyFingerprint: "0123456789abcdef" }]);
    observe.credentials(connection, { refreshTokenDaysLeft: 3, keyAgeDays: 4 });
    const counts = { due: 0, replaced: 0, failed: 0, erased: 0, keysOnly: 0, leasedByOthers: 0, deferred: 0 };
    observe.sweep({ requestId: "request-1", shard: 0, shards: 1, ...counts, oldestLateness: 0 });
  },
  "key-rotation"(observe) {
    tell(observe, [called("exchange"), ...Object.keys(rotationReasons).map(actionNeeded)]);
    tell(observe, [{ kind: "secrets_unavailable", connection, reason: "fake" }]);
    tell(observe, [{ kind: "api_key_rotated", connection, keyFingerprint: "0123456789abcdef" }]);
  },
  prober(observe) {
    for (const code of Object.keys(verdicts)) observe.probe({ code, connection, durationMs: 1, status: 200 });
  },
};

type Line = Record<string, unknown> & {
  _aws?: { CloudWatchMetrics: { Namespace: string; Dimensions: string[][]; Metrics: { Name: string }[] }[] };
};

/** Name and dimensions of a metric, in one text. */
export const metricKey = (namespace: string, name: string, dimensions: Record<string, unknown>) =>
  `${namespace} ${name} ${Object.entries(dimensions)
    .map(([dimension, value]) => `${dimension}=${String(value)}`)
    .toSorted()
    .join(" ")}`;

/** Everything that the functions can print: their log lines, and the metrics in them. */
export async function everythingPrinted(stage: string): Promise<{ lines: Line[]; metrics: Set<string> }> {
  const printed: string[] = [];
  const streams = [process.stdout, process.stderr].map((stream) =>
    vi.spyOn(stream, "write").mockImplementation((text) => printed.push(String(text)) > 0),
  );
  try {
    for (const [service, speak] of Object.entries(speakers)) await speak(observer(service, stage));
  } finally {
    for (const stream of streams) stream.mockRestore();
  }
  const lines = printed
    .flatMap((text) => text.split("\n"))
    .flatMap((line) => (line.startsWith("{") ? [JSON.parse(line) as Line] : []));
  const metrics = lines.flatMap((line) =>
    (line["_aws"]?.CloudWatchMetrics ?? []).flatMap(({ Namespace, Dimensions, Metrics }) =>
      Dimensions.flatMap((names) =>
        Metrics.map(({ Name }) => {
          const dimensions = Object.fromEntries(names.map((name) => [name, line[name]]));
          return metricKey(Namespace, Name, dimensions);
        }),
      ),
    ),
  );
  return { lines, metrics: new Set(metrics) };
}
