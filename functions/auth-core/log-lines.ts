import { type MetricName, metricDefinitions, metricNamespace } from "./metrics.ts";
import { readTraceId } from "./rules/settings.ts";

type Level = "info" | "warn" | "error";

/** Lines of JSON on standard output, which Lambda puts into the log group. */
export interface LogLines {
  log: (level: Level, message: string, fields: object) => void;
  /**
   * Writes metrics in CloudWatch's Embedded Metric Format. `undefined` is no value. All fields of `dimensions` are dimensions;
   * `metadata` is only in the line.
   *
   * Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
   */
  metrics: (
    values: Partial<Record<MetricName, number | undefined>>,
    dimensions: Record<string, string>,
    metadata?: object,
    at?: Date,
  ) => void;
}

/** @param common fields of every line */
export function logLines(common: { service: string; stage: string }): LogLines {
  return {
    log(level, message, fields) {
      const start = { level: level.toUpperCase(), message, timestamp: new Date(), ...common };
      write({ ...start, xray_trace_id: readTraceId(process.env), ...fields });
    },
    metrics(values, dimensions, metadata = {}, at = new Date()) {
      const present = Object.entries(values).filter(([, value]) => value !== undefined);
      const names = present.map(([name]) => name as MetricName);
      const all = { ...common, ...dimensions };
      const definition = {
        Namespace: metricNamespace,
        Dimensions: [Object.keys(all)],
        Metrics: names.map((name) => ({ Name: name, Unit: metricDefinitions[name].unit })),
      };
      const format = { Timestamp: at.getTime(), CloudWatchMetrics: [definition] };
      write({ _aws: format, ...metadata, ...all, ...Object.fromEntries(present) });
    },
  };
}

/** Not by `console`: with Lambda's text format, its lines start with a time and a request id. */
function write(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
