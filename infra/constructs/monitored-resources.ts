import type { Duration } from "aws-cdk-lib";
import * as cloudwatch from "aws-cdk-lib/aws-cloudwatch";
import type { Service } from "@smart-token-broker/auth-core/metrics.ts";
import type { DeploymentSettings } from "../settings/types.ts";
import type { BrokerMetrics, OptionalService } from "./broker-metrics.ts";

export interface FunctionNames {
  functionName: string;
  logGroupName: string;
}

/** The names of resources of all stacks that alarms and dashboard watch. */
export interface WatchedNames {
  functions: Record<Exclude<Service, "prober" | OptionalService>, FunctionNames> &
    Partial<Record<OptionalService, FunctionNames>>;
  apiId: string;
  tableName: string;
  deadLettersName: string;
}

/** What alarms and dashboard are made from. */
export interface MonitoredResources extends WatchedNames {
  settings: DeploymentSettings;
  /** The command that shows the states of this deployment's connections, and not those of another stage or region. */
  statusCommand: string;
  metrics: BrokerMetrics;
}

/** How a metric is read from CloudWatch. */
interface Reading {
  statistic: string;
  period: Duration;
  label?: string;
}

/** A metric that API Gateway emits for the whole API. */
export function apiMetric({ apiId }: WatchedNames, metricName: string, reading: Reading): cloudwatch.Metric {
  return new cloudwatch.Metric({
    namespace: "AWS/ApiGateway",
    metricName,
    dimensionsMap: { ApiId: apiId },
    ...reading,
  });
}

/** A metric that Lambda emits for a function. */
export function functionMetric({ functionName }: FunctionNames, metricName: string, reading: Reading) {
  return new cloudwatch.Metric({
    namespace: "AWS/Lambda",
    metricName,
    dimensionsMap: { FunctionName: functionName },
    ...reading,
  });
}

/** The two metrics that DynamoDB emits for the requests that it throttles. */
export function tableThrottles({ tableName }: WatchedNames, reading: Reading): cloudwatch.Metric[] {
  return ["ReadThrottleEvents", "WriteThrottleEvents"].map(
    (metricName) =>
      new cloudwatch.Metric({
        namespace: "AWS/DynamoDB",
        metricName,
        dimensionsMap: { TableName: tableName },
        ...reading,
      }),
  );
}
