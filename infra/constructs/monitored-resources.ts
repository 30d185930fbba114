import type { Duration } from "aws-cdk-lib";
import * as cloudwatch from "aws-cdk-lib/aws-cloudwatch";
import type * as dynamodb from "aws-cdk-lib/aws-dynamodb";
import type * as sqs from "aws-cdk-lib/aws-sqs";
import type { Service } from "@smart-token-broker/auth-core/metrics.ts";
import type { DeploymentSettings } from "../settings.ts";
import type { BrokerFunction } from "./broker-function.ts";
import type { BrokerMetrics } from "./broker-metrics.ts";

/** The resources of all stacks that alarms and dashboard watch. */
export interface MonitoredResources {
  settings: DeploymentSettings;
  /** The command that shows the states of this deployment's connections, and not those of another stage or region. */
  statusCommand: string;
  metrics: BrokerMetrics;
  functions: Record<Exclude<Service, "prober" | "oauth">, BrokerFunction> & { oauth?: BrokerFunction };
  apiId: string;
  table: dynamodb.ITable;
  deadLetters: sqs.IQueue;
}

/** A metric that API Gateway emits for the whole API. */
export function apiMetric(
  { apiId }: MonitoredResources,
  metricName: string,
  statistic: string,
  period: Duration,
  label: string,
) {
  return new cloudwatch.Metric({
    namespace: "AWS/ApiGateway",
    metricName,
    dimensionsMap: { ApiId: apiId },
    statistic,
    period,
    label,
  });
}
