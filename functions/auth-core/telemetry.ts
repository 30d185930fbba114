import { logLines } from "./log-lines.ts";
import type { Service } from "./metrics.ts";
import { noticeTelemetry } from "./notices.ts";
import type { CredentialAges, SweepSummary } from "./rules/tokens/measurements.ts";
import type { Notice } from "./rules/notice.ts";

/** What a response says about its request in the log. It contains no secret. */
export interface ResponseLine {
  /** `ok` or the error. With `source` a dimension of the metrics. */
  code: string;
  source: string;
  /** Remaining time of the returned token, in seconds: the metric `Remaining`. */
  remaining?: number;
  connection?: string;
  callerRole?: string;
  detail?: string;
  origin?: string;
  generation?: number;
  tokenFingerprint?: string;
  minTtl?: number;
  validity?: string;
  /** Of a call. `rule` is the path of the rule that allowed it: the call's own path may have customers' data. */
  user?: string;
  method?: string;
  rule?: string;
  /** Status of the API's last response. */
  apiStatus?: number;
  /** Of the bodies. */
  requestBytes?: number;
  responseBytes?: number;
  /** Milliseconds until there was a token, and of all requests to the API. */
  tokenMs?: number;
  apiMs?: number;
}

interface RequestLine extends ResponseLine {
  requestId: string;
  route: string;
  status: number;
}

export interface Telemetry {
  /** Logs one line with the metrics of a request. */
  request: (line: RequestLine, durationMs: number) => void;
  /** Logs a notice with its metrics. */
  notice: (notice: Notice) => void;
  /** Logs one line with the metrics of a completed sweep. */
  sweep: (line: SweepSummary & { requestId: string; shard: number; shards: number }) => void;
  /** Logs the ages of a connection's credentials, as metrics. */
  credentials: (connection: string, ages: CredentialAges) => void;
  /** Logs one line with the metrics of a probe. `code` is `ok` or the problem; `status` is 0 without a response. */
  probe: (line: { code: string; connection: string; durationMs: number; status: number }) => void;
  /** Logs a completed step of a key rotation. */
  step: (line: { connection: string; step: string; version: string }) => void;
  /** Counts an expected failure of a step, at the start of the invocation, where Lambda counts its error. */
  stepFailed: (startedAt: number) => void;
  /** Counts a bug and logs its stack trace. Nothing else logs a stack trace. */
  bug: (error: unknown, requestId: string) => void;
}

/** Log and metrics of a function. Both are in lines on standard output; there is no other I/O. */
export function createTelemetry(service: Service, stage: string): Telemetry {
  const lines = logLines({ service, stage });
  const coldStart = coldStartOnce();

  return {
    // The connection is no dimension: every customer would cost a metric.
    request({ code, source, remaining, ...line }, durationMs) {
      const missed = line.validity === undefined ? undefined : 1;
      const values = { Requests: 1, Duration: durationMs, Remaining: remaining, ValidityMissed: missed };
      lines.log("info", "request", { ...line, ...coldStart() }, { values, code, source });
    },

    notice(notice) {
      const { level, fields, metrics } = noticeTelemetry(notice);
      lines.log(level, notice.kind, fields, metrics);
    },

    sweep({ due, replaced, failed, deferred, oldestLateness, ...line }) {
      const values = {
        SweepsCompleted: 1,
        Due: due,
        Replaced: replaced,
        Failed: failed,
        Deferred: deferred,
        OldestLateness: oldestLateness,
      };
      lines.log("info", "sweep", { ...line, ...coldStart() }, { values, source: "schedule" });
    },

    credentials(connection, { refreshTokenDaysLeft, refreshTokenEnds, keyAgeDays }) {
      if (refreshTokenDaysLeft === undefined && keyAgeDays === undefined) return;
      const values = {
        RefreshTokenDaysLeft: refreshTokenDaysLeft,
        RefreshTokensEnding: refreshTokenEnds && 1,
        KeyAgeDays: keyAgeDays,
      };
      lines.log("info", "credentials", { connection }, { values, source: "schedule" });
    },

    probe({ code, ...line }) {
      lines.log(code === "ok" ? "info" : "error", "probe", line, { values: { Probes: 1 }, code, source: "prober" });
    },

    step(line) {
      lines.log("info", "rotation step done", line);
    },

    stepFailed(startedAt) {
      lines.log(
        "info",
        "rotation step failed",
        {},
        { values: { StepsFailed: 1 }, code: "failed", at: startedAt * 1000 },
      );
    },

    bug(error, requestId) {
      const { name, message, stack } = error instanceof Error ? error : new Error("not an Error");
      const line = { requestId, error: { name, message, stack } };
      lines.log("error", "internal error", line, { values: { Bugs: 1 }, code: "internal" });
    },
  };
}

/**
 * Fields for the first request or sweep of an environment, nothing for all others. `initMs` is from the start of the Node.js
 * process until the handler is loaded, without what Lambda does before: it gets the code and starts the process. In a local
 * run, all environments are in one process, so it is from the start of the run.
 */
function coldStartOnce(): () => { coldStart?: true; initMs?: number } {
  let first: { coldStart: true; initMs: number } | undefined;
  // Runs after the rest of the handler's module.
  queueMicrotask(() => {
    first = { coldStart: true, initMs: Math.round(performance.now()) };
  });
  return () => {
    const fields = first ?? {};
    first = undefined;
    return fields;
  };
}
