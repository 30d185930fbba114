import { Logger } from "@aws-lambda-powertools/logger";
import { Metrics, MetricUnit } from "@aws-lambda-powertools/metrics";
import type { Notice } from "./use-cases/ports.ts";
import type { SweepSummary } from "./use-cases/sweep.ts";

/** Every metric that the functions emit, in the namespace `SmartTokenBroker`. Dimensions: service, stage, code, source. */
const metricNamespace = "SmartTokenBroker";

/** Fields of a request's line; `code` and `source` are the dimensions of its metrics. */
export type RequestLine = { code: string; source: string } & Record<string, string | number>;

export interface Observer {
  /** One structured line and one set of metrics for one request. */
  request: (line: RequestLine, durationMs: number) => void;
  notice: (notice: Notice) => void;
  /** One summary line and the metrics of one completed sweep. */
  sweep: (line: SweepSummary & { requestId: string; shard: number; shards: number }) => void;
  /** One line for one step of a key's rotation that is done. */
  step: (line: { connection: string; step: string; version: string }) => void;
  /** A bug: the only place where a stack trace is written. */
  bug: (error: unknown, requestId: string) => void;
}

/** Log and metrics of one function. Both are lines on standard output; nothing here does I/O of its own. */
export function observer(service: string, stage: string): Observer {
  const logger = new Logger({ serviceName: service, persistentKeys: { stage } });
  const metrics = new Metrics({ namespace: metricNamespace, serviceName: service, defaultDimensions: { stage } });

  function count(name: string, dimensions: { code: string; source: string }, metadata: Record<string, string>) {
    const single = metrics.singleMetric();
    single.addDimensions(dimensions);
    for (const [key, value] of Object.entries(metadata)) single.addMetadata(key, value);
    single.addMetric(name, MetricUnit.Count, 1);
  }

  return {
    request(line, durationMs) {
      logger.info("request", { ...line, durationMs });
      metrics.addDimensions({ code: line.code, source: line.source });
      const { connection, remainingSeconds } = line;
      // A connection is metadata: as a dimension every customer would be a metric to pay for.
      if (typeof connection === "string") metrics.addMetadata("connection", connection);
      metrics.addMetric("Requests", MetricUnit.Count, 1);
      metrics.addMetric("Duration", MetricUnit.Milliseconds, durationMs);
      if (typeof remainingSeconds === "number") metrics.addMetric("Remaining", MetricUnit.Seconds, remainingSeconds);
      metrics.publishStoredMetrics();
    },

    notice(notice) {
      const { kind, ...fields } = notice;
      const metadata = { connection: notice.connection };
      switch (notice.kind) {
        case "replaced":
          logger.info(kind, fields);
          return count("Replacements", { code: "ok", source: notice.by }, metadata);
        case "replacement_failed":
          logger.warn(kind, fields);
          return count("ReplacementFailures", { code: notice.code, source: "none" }, metadata);
        case "refresh_failed":
        case "registration_warning":
        case "registration_gone":
          return logger.warn(kind, fields);
        case "table_unavailable":
        case "secrets_unavailable":
          logger.error(kind, fields);
          return count("StoreUnavailable", { code: kind, source: "none" }, metadata);
        case "key_not_retired":
          return logger.info(kind, fields);
        case "keys_not_kept":
          return logger.warn(kind, fields);
        case "event_not_sent":
          return logger.error(kind, fields);
        case "api_key_rotated":
          logger.info(kind, fields);
          return count("KeysRotated", { code: "ok", source: "none" }, metadata);
        case "api_key_retirable":
          logger.info(kind, fields);
          return count("KeysRetirable", { code: "ok", source: "none" }, metadata);
        case "api_key_action_needed":
          logger.warn(kind, fields);
          return count("KeyActionsNeeded", { code: notice.reason, source: "none" }, metadata);
        case "commit_not_written":
          logger.error(kind, fields);
          return count("CommitsNotWritten", { code: kind, source: "none" }, metadata);
      }
    },

    sweep(line) {
      logger.info("sweep", { ...line });
      metrics.addDimensions({ code: "ok", source: "schedule" });
      metrics.addMetric("SweepsCompleted", MetricUnit.Count, 1);
      metrics.addMetric("Due", MetricUnit.Count, line.due);
      metrics.addMetric("Replaced", MetricUnit.Count, line.replaced);
      metrics.addMetric("Failed", MetricUnit.Count, line.failed);
      metrics.addMetric("KeysOnly", MetricUnit.Count, line.keysOnly);
      metrics.addMetric("LeasedByOthers", MetricUnit.Count, line.leasedByOthers);
      metrics.addMetric("Deferred", MetricUnit.Count, line.deferred);
      metrics.addMetric("OldestLateness", MetricUnit.Seconds, line.oldestLateness);
      metrics.publishStoredMetrics();
    },

    step(line) {
      logger.info("rotation step done", line);
    },

    bug(error, requestId) {
      logger.error("internal error", { requestId, error: error instanceof Error ? error : new Error("not an Error") });
    },
  };
}
