import type { CloudAssembly } from "../../local/assembly/cloud-assembly.ts";

/** What costs the same with any number of requests. */
export interface FixedParts {
  /** Metrics that the alarms watch. A band counts as two more. */
  alarmMetrics: number;
  /** Metrics that CloudWatch makes from log lines. */
  filteredMetrics: number;
  dashboards: number;
  insightRules: number;
  keys: number;
  /** Schedules that run every minute. */
  sweepSchedules: number;
}

interface MetricQuery {
  MetricStat?: object;
  Expression?: string;
}

/** Counts the fixed parts in the templates. */
export function fixedParts({ resources }: CloudAssembly): FixedParts {
  const ofType = (type: string) => resources.filter((each) => each.type === type);
  const queriesOf = ({ properties }: { properties: Record<string, unknown> }) =>
    (properties["Metrics"] as MetricQuery[] | undefined) ?? [{ MetricStat: {} }];
  const bands = (queries: MetricQuery[]) =>
    2 * queries.filter(({ Expression = "" }) => Expression.startsWith("ANOMALY_DETECTION_BAND")).length;
  return {
    alarmMetrics: ofType("AWS::CloudWatch::Alarm")
      .map(queriesOf)
      .reduce((sum, queries) => sum + queries.filter(({ MetricStat }) => MetricStat).length + bands(queries), 0),
    filteredMetrics: ofType("AWS::Logs::MetricFilter").length,
    dashboards: ofType("AWS::CloudWatch::Dashboard").length,
    insightRules: ofType("AWS::CloudWatch::InsightRule").length,
    keys: ofType("AWS::KMS::Key").length,
    sweepSchedules: ofType("AWS::Scheduler::Schedule").length,
  };
}

/** The length of a line of the access log for a request that succeeds. `of` is what the format may say of it. */
export function accessLogBytes({ resources }: CloudAssembly, requestId: string, of: Record<string, string>): number {
  const stage = resources.find(({ type }) => type === "AWS::ApiGatewayV2::Stage");
  if (!stage) throw new Error("The templates have no stage of an HTTP API.");
  const { Format } = stage.properties["AccessLogSettings"] as { Format: string };
  const values: Record<string, string> = {
    requestId,
    "identity.sourceIp": "203.0.113.10",
    ...of,
    status: "200",
    "integration.status": "200",
    responseLatency: "12",
  };
  const line = Format.replace(/\$context\.([A-Za-z.]+)/g, (_, name: string) => values[name] ?? "-");
  return Buffer.byteLength(line);
}
