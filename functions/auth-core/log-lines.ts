import type { MetricName } from "./metrics.ts";
import { metricNamespace } from "./rules/settings.ts";
import { readTraceId } from "./rules/settings.ts";

type Level = "info" | "warn" | "error";

/** Members of a line that only this module writes. */
type Reserved = MetricName | "_aws" | "level" | "message" | "timestamp" | "service" | "stage" | "code" | "source";

/** Fields of a line besides its metrics. One with the name of a metric or a dimension would replace it. */
export type LineFields = Record<string, unknown> & { [Name in Reserved]?: never };

/** Metrics of a line, and their dimensions. */
export interface Metrics {
  /** `undefined` is no value. */
  values: Partial<Record<MetricName, number | undefined>>;
  /** Default: `ok`. */
  code?: string | undefined;
  /** Default: `none`. */
  source?: string | undefined;
  /** Milliseconds since 1970 in which CloudWatch counts them. Default: the line's time. */
  at?: number;
}

/** Lines of JSON on standard output, which Lambda puts into the log group. */
export interface LogLines {
  /**
   * Writes one line. Its metrics are in it, in CloudWatch's Embedded Metric Format: the dimensions are `service`, `stage`,
   * `code` and `source`, and all other fields belong to the line only.
   *
   * Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
   */
  log: (level: Level, message: string, fields: LineFields, metrics?: Metrics) => void;
}

/** @param common fields of every line */
export function logLines(common: { service: string; stage: string }): LogLines {
  return {
    log(level, message, fields, metrics) {
      const now = new Date();
      write({
        ...(metrics && definitionOf(metrics, now.getTime())),
        level: level.toUpperCase(),
        message,
        timestamp: now,
        ...common,
        ...(metrics && { code: metrics.code ?? "ok", source: metrics.source ?? "none" }),
        xray_trace_id: readTraceId(process.env),
        ...fields,
        ...metrics?.values,
      });
    },
  };
}

function definitionOf({ values, at }: Metrics, now: number) {
  const present = Object.entries(values).filter(([, value]) => value !== undefined);
  const definition = {
    Namespace: metricNamespace,
    Dimensions: [["service", "stage", "code", "source"]],
    Metrics: present.map(([Name]) => ({ Name })),
  };
  // The format's schema has an integer, and seconds times 1000 may have a fraction.
  return { _aws: { Timestamp: Math.round(at ?? now), CloudWatchMetrics: [definition] } };
}

/**
 * Not by `console`, which adds a time and a request id to a line in Lambda's text format, and in its JSON format puts the
 * line into another object, as a text.
 */
function write(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
