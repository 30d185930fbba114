import {
  CloudFormationClient,
  DescribeStackDriftDetectionStatusCommand,
  DescribeStackResourceDriftsCommand,
  DetectStackDriftCommand,
} from "@aws-sdk/client-cloudformation";
import { DescribeAlarmsCommand } from "@aws-sdk/client-cloudwatch";
import { testAlarms } from "../alarms/test.ts";
import { cloudWatchClient } from "../deployment/alarms.ts";
import { deployedCallers } from "../deployment/deployed-callers.ts";
import { type Deployment, patience, stackOf } from "../deployment/deployment.ts";
import type { Finding } from "../doctor/finding.ts";
import { pause } from "../terminal/progress.ts";
import { asExpected, type Check, unknown } from "./check.ts";
import { functionOf, sumsOfDay } from "./function-metrics.ts";

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
