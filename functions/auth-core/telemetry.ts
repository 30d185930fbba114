import { logLines } from "./log-lines.ts";
import type { MetricName, Service } from "./metrics.ts";
import { noticeTelemetry } from "./notices.ts";
import type { CredentialAges, SweepSummary } from "./rules/measurements.ts";
import type { Notice } from "./rules/notice.ts";

/** Fields of a request line. `code` and `source` are also dimensions of its metrics. */
export type RequestLine = { code: string; source: string } & Record<string, string | number>;

export interface Telemetry {
  /** Logs one line and emits the metrics of a request. */
  request: (line: RequestLine, durationMs: number) => void;
  /** Logs a notice and emits its metrics. */
  notice: (notice: Notice) => void;
  /** Logs one line and emits the metrics of a completed sweep. */
  sweep: (line: SweepSummary & { requestId: string; shard: number; shards: number }) => void;
  /** Emits the ages of a connection's credentials. */
  credentials: (connection: string, ages: CredentialAges) => void;
  /** Logs one line and emits the metrics of a probe. `code` is `ok` or the problem; `status` is 0 without a response. */
  probe: (line: { code: string; connection: string; durationMs: number; status: number }) => void;
  /** Logs a completed step of a key rotation. */
  step: (line: { connection: string; step: string; version: string }) => void;
  /** Counts an expected failure of a step, at the start of the invocation, where Lambda counts its error. */
  stepFailed: (startedAt: number) => void;
  /** Counts a bug and logs its stack trace. Nothing else logs a stack trace. */
  bug: (error: unknown, requestId: string) => void;
}

/** Log and metrics of a function. Both are lines on standard output; there is no other I/O. */
export function createTelemetry(service: Service, stage: string): Telemetry {
  const lines = logLines({ service, stage });

  function emit(
    values: Partial<Record<MetricName, number | undefined>>,
    { code = "ok", source = "none", connection }: { code?: string; source?: string; connection?: unknown } = {},
    at?: Date,
  ) {
    // The connection is metadata: as a dimension, every customer would cost a metric.
    lines.metrics(values, { code, source }, typeof connection === "string" ? { connection } : {}, at);
  }

  return {
    request(line, durationMs) {
      lines.log("info", "request", { ...line, durationMs });
      const remaining = typeof line["remainingSeconds"] === "number" ? line["remainingSeconds"] : undefined;
      // Also 0, so that the average is the share of served tokens that missed the required validity.
      const missed = line["validity"] === undefined ? 0 : 1;
      emit(
        {
          Requests: 1,
          Duration: durationMs,
          Remaining: remaining,
          ValidityMissed: remaining === undefined ? undefined : missed,
        },
        line,
      );
    },

    notice(notice) {
      const { kind, ...fields } = notice;
      const { level, values, ...dimensions } = noticeTelemetry(notice);
      lines.log(level, kind, fields);
      if (values) emit(values, { ...dimensions, connection: notice.connection });
    },

    sweep(line) {
      lines.log("info", "sweep", line);
      emit(
        {
          SweepsCompleted: 1,
          Due: line.due,
          Replaced: line.replaced,
          Failed: line.failed,
          KeysOnly: line.keysOnly,
          LeasedByOthers: line.leasedByOthers,
          Deferred: line.deferred,
          OldestLateness: line.oldestLateness,
        },
        { source: "schedule" },
      );
    },

    credentials(connection, { refreshTokenDaysLeft, refreshTokenEnds, keyAgeDays }) {
      if (refreshTokenDaysLeft === undefined && keyAgeDays === undefined) return;
      emit(
        {
          RefreshTokenDaysLeft: refreshTokenDaysLeft,
          RefreshTokensEnding: refreshTokenEnds && 1,
          KeyAgeDays: keyAgeDays,
        },
        { source: "schedule", connection },
      );
    },

    probe({ code, ...fields }) {
      lines.log(code === "ok" ? "info" : "error", "probe", { code, ...fields });
      const { connection, durationMs } = fields;
      emit({ Probes: 1, ProbeDuration: durationMs }, { code, source: "prober", connection });
    },

    step(line) {
      lines.log("info", "rotation step done", line);
    },

    stepFailed(startedAt) {
      emit({ StepsFailed: 1 }, { code: "failed" }, new Date(startedAt * 1000));
    },

    bug(error, requestId) {
      const { name, message, stack } = error instanceof Error ? error : new Error("not an Error");
      lines.log("error", "internal error", { requestId, error: { name, message, stack } });
      emit({ Bugs: 1 }, { code: "internal" });
    },
  };
}
