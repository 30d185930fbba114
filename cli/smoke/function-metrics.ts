import { GetMetricDataCommand } from "@aws-sdk/client-cloudwatch";
import { cloudWatchClient } from "../deployment/alarms.ts";
import type { Deployment } from "../deployment/deployment.ts";
import { stackResources } from "../deployment/stack-resources.ts";

/** A function and its log group, by the start of their logical ids, and the number of schedules in its stack. */
export async function functionOf(deployment: Deployment, part: "api" | "rotation", logicalId: string) {
  const resources = await stackResources(deployment, part);
  const own = resources.filter((resource) => resource.logicalId.startsWith(logicalId));
  return {
    function: own.find(({ type }) => type === "AWS::Lambda::Function")?.id ?? "",
    logGroup: own.find(({ type }) => type === "AWS::Logs::LogGroup")?.id ?? "",
    schedules: resources.filter(({ type }) => type === "AWS::Scheduler::Schedule").length,
  };
}

/** A metric; all other fields are its dimensions. */
type DayMetric = { Namespace: string; MetricName: string } & Record<string, string>;

/** The sum of each metric in the last day; 0 without data. */
export async function sumsOfDay<Metrics extends readonly DayMetric[]>(
  deployment: Deployment,
  metrics: readonly [...Metrics],
): Promise<{ [Index in keyof Metrics]: number }> {
  const client = cloudWatchClient(deployment);
  const now = Date.now();
  const { MetricDataResults = [] } = await client.send(
    new GetMetricDataCommand({
      StartTime: new Date(now - 86_400_000),
      EndTime: new Date(now),
      MetricDataQueries: metrics.map(({ Namespace, MetricName, ...dimensions }, index) => ({
        Id: `m${index}`,
        MetricStat: {
          Metric: {
            Namespace,
            MetricName,
            Dimensions: Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value })),
          },
          Period: 3600,
          Stat: "Sum",
        },
      })),
    }),
  );
  const sumOf = (index: number) =>
    (MetricDataResults.find(({ Id }) => Id === `m${index}`)?.Values ?? []).reduce((sum, value) => sum + value, 0);
  return metrics.map((_, index) => sumOf(index)) as { [Index in keyof Metrics]: number };
}
