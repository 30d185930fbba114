import { Logger } from "@aws-lambda-powertools/logger";
import { Metrics, MetricUnit } from "@aws-lambda-powertools/metrics";
import type { Notice } from "./use-cases/ports.ts";

/** Every metric that the functions emit, in the namespace `SmartTokenBroker`. Dimensions: service, stage, code, source. */
const metricNamespace = "SmartTokenBroker";

/** Fields of a request's line; `code` and `source` are the dimensions of its metrics. */
export type RequestLine = { code: string; source: string } & Record<string, string | number>;

type Unit = (typeof MetricUnit)[keyof typeof MetricUnit];

/** How one sweep went. */
export interface SweepSummary {
  due: number;
  replaced: number;
  failed: number;
  /** Their registration was gone, and their tokens went with it. */
  erased: number;
  /** Nothing was to be replaced, but a key was to be looked at that left use. */
  keysOnly: number;
  /** Someone else was replacing, or had just done so. */
  leasedByOthers: number;
  /** Left for the next minute, because this one's time was over. */
  deferred: number;
  /** Seconds by which the oldest was late when the sweep began; 0 where nothing was due. */
  oldestLateness: number;
}

/** How near their end a connection's credentials are, in days with a fraction; absent where it is not known. */
export interface CredentialAges {
  /** Until the end of the refresh token; negative past it. Absent for one that is too short-lived to be used at all. */
  refreshTokenDaysLeft?: number;
  /** The refresh token ends and nothing comes after it: it is not used any more, and the exchange in its place fails. */
  refreshTokenEnds?: true;
  /** Since the secret's current version was made, as of the last replacement. */
  keyAgeDays?: number;
}

export interface Observer {
  /** One structured line and one set of metrics for one request. */
  request: (line: RequestLine, durationMs: number) => void;
  notice: (notice: Notice) => void;
  /** One summary line and the metrics of one completed sweep. */
  sweep: (line: SweepSummary & { requestId: string; shard: number; shards: number }) => void;
  /** Metrics of the credentials of one connection that the sweep looked at: how near their end they are. */
  credentials: (connection: string, ages: CredentialAges) => void;
  /** One line and the metrics of one probe from outside; `code` is `ok` or what is wrong, `status` 0 without an answer. */
  probe: (line: { code: string; connection: string; durationMs: number; status: number }) => void;
  /** One line for one step of a key's rotation that is done. */
  step: (line: { connection: string; step: string; version: string }) => void;
  /** A failed step that was foreseen, counted at the instant at which Lambda counts its error: the invocation's start. */
  stepFailed: (startedAt: number) => void;
  /** A bug, counted: the only place where a stack trace is written. */
  bug: (error: unknown, requestId: string) => void;
}

/** Log and metrics of one function. Both are lines on standard output; nothing here does I/O of its own. */
export function observer(service: string, stage: string): Observer {
  const logger = new Logger({ serviceName: service, persistentKeys: { stage } });
  const metrics = new Metrics({ namespace: metricNamespace, serviceName: service, defaultDimensions: { stage } });

  function emit(
    dimensions: { code: string; source: string },
    connection: string | number | undefined,
    values: [name: string, unit: Unit, value: number | undefined][],
  ) {
    metrics.addDimensions(dimensions);
    // A connection is metadata: as a dimension every customer would be a metric to pay for.
    if (typeof connection === "string") metrics.addMetadata("connection", connection);
    for (const [name, unit, value] of values) if (value !== undefined) metrics.addMetric(name, unit, value);
    metrics.publishStoredMetrics();
  }

  return {
    request(line, durationMs) {
      logger.info("request", { ...line, durationMs });
      const { code, source, connection } = line;
      const left = typeof line["remainingSeconds"] === "number" ? line["remainingSeconds"] : undefined;
      // 0 as well: its average is the share of the tokens handed out that broke the promise.
      const missed = line["validity"] === undefined ? 0 : 1;
      emit({ code, source }, connection, [
        ["Requests", MetricUnit.Count, 1],
        ["Duration", MetricUnit.Milliseconds, durationMs],
        ["Remaining", MetricUnit.Seconds, left],
        ["ValidityMissed", MetricUnit.Count, left === undefined ? undefined : missed],
      ]);
    },

    notice(notice) {
      const { kind, ...fields } = notice;
      const count = (name: string, code: string, source = "none") =>
        emit({ code, source }, notice.connection, [[name, MetricUnit.Count, 1]]);
      switch (notice.kind) {
        case "upstream_called":
          logger.info(kind, fields);
          return emit({ code: "any", source: notice.grant }, notice.connection, [
            ["UpstreamCalls", MetricUnit.Count, 1],
            ["UpstreamDuration", MetricUnit.Milliseconds, notice.durationMs],
          ]);
        case "replaced":
          logger.info(kind, fields);
          return count("Replacements", "ok", notice.by);
        case "replacement_failed":
          logger.warn(kind, fields);
          return count("ReplacementFailures", notice.code);
        case "refresh_failed":
        case "registration_warning":
          return logger.warn(kind, fields);
        case "registration_gone":
          logger.warn(kind, fields);
          return count("RegistrationsGone", kind);
        case "table_unavailable":
        case "secrets_unavailable":
          logger.error(kind, fields);
          return count("StoreUnavailable", kind);
        case "key_not_retired":
          return logger.info(kind, fields);
        case "keys_not_kept":
          return logger.warn(kind, fields);
        case "event_not_sent":
          return logger.error(kind, fields);
        case "api_key_rotated":
          logger.info(kind, fields);
          return count("KeysRotated", "ok");
        case "api_key_retirable":
          logger.info(kind, fields);
          return count("KeysRetirable", "ok");
        case "api_key_action_needed":
          logger.warn(kind, fields);
          return count("KeyActionsNeeded", notice.reason);
        case "commit_not_written":
          logger.error(kind, fields);
          return count("CommitsNotWritten", kind);
      }
    },

    sweep(line) {
      logger.info("sweep", { ...line });
      emit({ code: "ok", source: "schedule" }, undefined, [
        ["SweepsCompleted", MetricUnit.Count, 1],
        ["Due", MetricUnit.Count, line.due],
        ["Replaced", MetricUnit.Count, line.replaced],
        ["Failed", MetricUnit.Count, line.failed],
        ["KeysOnly", MetricUnit.Count, line.keysOnly],
        ["LeasedByOthers", MetricUnit.Count, line.leasedByOthers],
        ["Deferred", MetricUnit.Count, line.deferred],
        ["OldestLateness", MetricUnit.Seconds, line.oldestLateness],
      ]);
    },

    credentials(connection, { refreshTokenDaysLeft, refreshTokenEnds, keyAgeDays }) {
      if (refreshTokenDaysLeft === undefined && keyAgeDays === undefined) return;
      emit({ code: "ok", source: "schedule" }, connection, [
        ["RefreshTokenDaysLeft", MetricUnit.NoUnit, refreshTokenDaysLeft],
        ["RefreshTokensEnding", MetricUnit.Count, refreshTokenEnds && 1],
        ["KeyAgeDays", MetricUnit.NoUnit, keyAgeDays],
      ]);
    },

    probe({ code, ...fields }) {
      logger[code === "ok" ? "info" : "error"]("probe", { code, ...fields });
      emit({ code, source: "prober" }, fields.connection, [
        ["Probes", MetricUnit.Count, 1],
        ["ProbeDuration", MetricUnit.Milliseconds, fields.durationMs],
      ]);
    },

    step(line) {
      logger.info("rotation step done", line);
    },

    stepFailed(startedAt) {
      metrics.setTimestamp(Math.round(startedAt * 1000));
      emit({ code: "failed", source: "none" }, undefined, [["StepsFailed", MetricUnit.Count, 1]]);
    },

    bug(error, requestId) {
      logger.error("internal error", { requestId, error: error instanceof Error ? error : new Error("not an Error") });
      emit({ code: "internal", source: "none" }, undefined, [["Bugs", MetricUnit.Count, 1]]);
    },
  };
}
