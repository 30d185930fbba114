import {
  CloudFormationClient,
  DescribeStackDriftDetectionStatusCommand,
  DescribeStackResourceDriftsCommand,
  DetectStackDriftCommand,
} from "@aws-sdk/client-cloudformation";
import { DescribeAlarmsCommand, GetMetricDataCommand } from "@aws-sdk/client-cloudwatch";
import { CloudWatchLogsClient, paginateFilterLogEvents } from "@aws-sdk/client-cloudwatch-logs";
import { testAlarms } from "../alarms/test.ts";
import { cloudWatchClient } from "../deployment/alarms.ts";
import { deployedCallers } from "../deployment/deployed-callers.ts";
import { type Deployment, patience, stackOf } from "../deployment/deployment.ts";
import { stackResources } from "../deployment/stack-resources.ts";
import type { Finding } from "../doctor/finding.ts";
import { pause } from "../terminal/progress.ts";
import { asExpected, type Check, unknown } from "./check.ts";

const day = 86_400;

/** Checks of what only AWS's services show. They only read: the detection of drift changes nothing. */
export const awsChecks: Check[] = [
  {
    question: "Can the deployed list of callers be read? (GetTemplateSummary, for callers revoke)",
    expected: "yes",
    observe: async ({ deployment }) => {
      const count = Object.keys(await deployedCallers(deployment)).length;
      return asExpected(true, `yes, ${count} entries`);
    },
  },
  {
    question: "Is an alarm delivered? (the condition aws:SourceAccount in the key policy of the alarms)",
    expected: "yes",
    writes: true,
    observe: async ({ deployment }) => {
      const { json, exitCode } = await testAlarms(deployment, "", { yes: true });
      const problems = (json as Finding[]).filter(({ level }) => level !== "ok").map(({ what }) => what);
      return asExpected(exitCode === undefined, problems.join("; ") || "yes");
    },
  },
  {
    question: "In which state are the anomaly alarms? (CloudWatch learns their bands for two weeks)",
    expected: "OK or INSUFFICIENT_DATA",
    observe: async ({ deployment }) => {
      const AlarmNamePrefix = `smart-token-broker-${deployment.stage}-unusual`;
      const { MetricAlarms = [] } = await cloudWatchClient(deployment).send(
        new DescribeAlarmsCommand({ AlarmNamePrefix }),
      );
      const states = MetricAlarms.map(({ StateValue = "none" }) => StateValue);
      return asExpected(states.length > 0 && !states.includes("ALARM"), states.join(", ") || "there are none");
    },
  },
  {
    question: "Do the stacks show drift right after a deployment?",
    expected: "IN_SYNC for all",
    observe: async ({ deployment }) => {
      const parts = ["state", "api", "rotation", "monitoring"] as const;
      const stacks = [...new Set(parts.map((part) => stackOf(deployment, part)))];
      const found = await Promise.all(stacks.map((stack) => driftOf(deployment, stack)));
      return asExpected(
        found.every((state) => state === "IN_SYNC"),
        found.join(", "),
      );
    },
  },
  {
    question: "How long does the token function initialise? (REPORT lines of the last 7 days)",
    expected: "less than 300 ms in the median",
    observe: async ({ deployment }) => {
      const durations = await initDurations(deployment);
      const median = durations[Math.floor(durations.length / 2)];
      if (median === undefined) return unknown("no cold start in 7 days");
      return asExpected(median < 300, `median ${median} ms, longest ${durations.at(-1)} ms, of ${durations.length}`);
    },
  },
  {
    question: "How many bytes does the token function log per request? (docs/cost.md, last day)",
    expected: "about 1,200: 900 of its own and 300 of Lambda",
    observe: async ({ deployment }) => {
      const { function: FunctionName, logGroup: LogGroupName } = await functionOf(deployment, "api", "Token");
      const [invocations, bytes] = await sumsOfDay(deployment, [
        { Namespace: "AWS/Lambda", MetricName: "Invocations", FunctionName },
        { Namespace: "AWS/Logs", MetricName: "IncomingBytes", LogGroupName },
      ]);
      if (invocations < 100) return unknown(`only ${invocations} requests`);
      const each = Math.round(bytes / invocations);
      return asExpected(each > 900 && each < 1500, `${each}, of ${invocations} requests`);
    },
  },
  {
    question: "How many sweeps run a day? (docs/cost.md)",
    expected: "1,440 for each shard",
    observe: async ({ deployment }) => {
      const { function: FunctionName, schedules } = await functionOf(deployment, "rotation", "TokenRotation");
      const metric = { Namespace: "AWS/Lambda", FunctionName };
      const [invocations, errors] = await sumsOfDay(deployment, [
        { ...metric, MetricName: "Invocations" },
        { ...metric, MetricName: "Errors" },
      ]);
      const observed = `${invocations} by ${schedules} schedules, of which ${errors} failed`;
      if (invocations < 1000) return unknown(`${observed}: deployed less than a day ago?`);
      return asExpected(Math.abs(invocations / schedules - 1440) < 20 && errors === 0, observed);
    },
  },
];

const configOf = ({ region, credentials }: Deployment) => ({ ...patience, region, credentials });

/** Starts the detection of a stack's drift, and waits up to two minutes. Names the types of resources that drifted. */
async function driftOf(deployment: Deployment, StackName: string): Promise<string> {
  const client = new CloudFormationClient(configOf(deployment));
  const { StackDriftDetectionId } = await client.send(new DetectStackDriftCommand({ StackName }));
  for (let waited = 0; waited < 120; waited += 2) {
    const status = await client.send(new DescribeStackDriftDetectionStatusCommand({ StackDriftDetectionId }));
    if (status.DetectionStatus !== "DETECTION_IN_PROGRESS") {
      if (status.StackDriftStatus !== "DRIFTED") return status.StackDriftStatus ?? "UNKNOWN";
      const { StackResourceDrifts = [] } = await client.send(
        new DescribeStackResourceDriftsCommand({ StackName, StackResourceDriftStatusFilters: ["MODIFIED", "DELETED"] }),
      );
      return `DRIFTED (${StackResourceDrifts.map(({ ResourceType }) => ResourceType).join(" ")})`;
    }
    await pause(2);
  }
  return "not finished after 2 minutes";
}

/** A function and its log group, by the start of their logical ids, and the number of schedules in its stack. */
async function functionOf(deployment: Deployment, part: "api" | "rotation", logicalId: string) {
  const resources = await stackResources(deployment, part);
  const own = resources.filter((resource) => resource.logicalId.startsWith(logicalId));
  return {
    function: own.find(({ type }) => type === "AWS::Lambda::Function")?.id ?? "",
    logGroup: own.find(({ type }) => type === "AWS::Logs::LogGroup")?.id ?? "",
    schedules: resources.filter(({ type }) => type === "AWS::Scheduler::Schedule").length,
  };
}

/** Milliseconds, in ascending order. */
async function initDurations(deployment: Deployment): Promise<number[]> {
  const { logGroup: logGroupName } = await functionOf(deployment, "api", "Token");
  const client = new CloudWatchLogsClient(configOf(deployment));
  const query = { logGroupName, filterPattern: '"Init Duration"', startTime: Date.now() - 7 * day * 1000 };
  const durations: number[] = [];
  for await (const { events = [] } of paginateFilterLogEvents({ client }, query)) {
    for (const { message = "" } of events) {
      const [, duration] = /Init Duration: ([\d.]+) ms/.exec(message) ?? [];
      if (duration !== undefined) durations.push(Number(duration));
    }
    if (durations.length >= 1000) break;
  }
  return durations.toSorted((one, other) => one - other);
}

type DayMetric = { Namespace: string; MetricName: string } & Record<string, string>;

/** The sum of each metric in the last day; 0 without data. */
async function sumsOfDay(deployment: Deployment, metrics: [DayMetric, DayMetric]): Promise<[number, number]> {
  const client = cloudWatchClient(deployment);
  const now = Date.now();
  const { MetricDataResults = [] } = await client.send(
    new GetMetricDataCommand({
      StartTime: new Date(now - day * 1000),
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
  const sumOf = (id: string) =>
    (MetricDataResults.find(({ Id }) => Id === id)?.Values ?? []).reduce((sum, value) => sum + value, 0);
  return [sumOf("m0"), sumOf("m1")];
}
