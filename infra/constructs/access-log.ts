import { ArnFormat, type Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import { AccessLogFormat } from "aws-cdk-lib/aws-apigateway";
import type { IAccessLogSettings } from "aws-cdk-lib/aws-apigatewayv2";
import * as cloudwatch from "aws-cdk-lib/aws-cloudwatch";
import * as logs from "aws-cdk-lib/aws-logs";
import { metricNamespace } from "@smart-token-broker/auth-core/rules/settings.ts";
import type { Construct } from "constructs";
import type { DeploymentSettings } from "../settings/types.ts";

/**
 * What only API Gateway knows of a request, rejected ones included, and `requestId`, by which the function's line is found.
 * No header and no body. The path is there, because it names the connection of a request that no function sees. If there are
 * calls, the route stands in its place: their paths have customers' data, and all routes have one format.
 */
const fieldsOf = (hasCalls: boolean) => ({
  // First: if a stranger's path could end the text, the fields behind it would replace his.
  request: hasCalls ? "$context.routeKey" : "$context.httpMethod $context.path",
  requestId: "$context.requestId",
  ip: "$context.identity.sourceIp",
  status: "$context.status",
  functionStatus: "$context.integration.status",
  latencyMs: "$context.responseLatency",
  // Of the function's invocation, then of the authorizer, each `-` if there is no error. One field: few lines have an error.
  error: "$context.integrationErrorMessage $context.authorizer.error",
});

const throttled = { namespace: metricNamespace, metricName: "GatewayThrottles" };

/** Adds the log group of the API's access log, and the metric that counts the requests over a route's throttle. */
export function addAccessLog(
  scope: Construct,
  { stage, logRetentionDays }: DeploymentSettings,
  hasCalls: boolean,
): IAccessLogSettings {
  const logGroup = new logs.LogGroup(scope, "AccessLogs", {
    // CloudWatch Logs lists each group in a resource policy of 5,120 characters. When it gets full, it allows this prefix as a
    // whole. Source: Amazon CloudWatch Logs User Guide, 'Log group resource policy size limit considerations'.
    logGroupName: `/aws/vendedlogs/smart-token-broker-${stage}/access`,
    retention: logRetentionDays,
    removalPolicy: RemovalPolicy.DESTROY,
  });
  logGroup.addMetricFilter("Throttled", {
    // A function's own 429 is the error `too_soon`. Without a function, the field is `-`.
    filterPattern: logs.FilterPattern.all(
      logs.FilterPattern.stringValue("$.status", "=", "429"),
      logs.FilterPattern.stringValue("$.functionStatus", "!=", "429"),
    ),
    metricNamespace: throttled.namespace,
    metricName: throttled.metricName,
    dimensions: { stage: "$.stage" },
  });
  // API Gateway stores the ARN without the `:*` that the attribute Arn ends with. With it, CloudFormation would report
  // drift for ever (aws/aws-cdk#38796; the CDK's own fix covers REST APIs only).
  const destinationArn = Stack.of(scope).formatArn({
    service: "logs",
    resource: "log-group",
    resourceName: logGroup.logGroupName,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });
  return {
    destination: { bind: () => ({ destinationArn }) },
    // The stage is in each line, because only a field can be a dimension of the metric.
    format: AccessLogFormat.custom(JSON.stringify({ stage, ...fieldsOf(hasCalls) })),
  };
}

/** The number of requests that API Gateway rejected with 429, on all routes. */
export function gatewayThrottles(stage: string, period: Duration): cloudwatch.Metric {
  return new cloudwatch.Metric({
    ...throttled,
    dimensionsMap: { stage },
    statistic: cloudwatch.Stats.SUM,
    period,
    label: "rejected by the throttle of a route",
  });
}
