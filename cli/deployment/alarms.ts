import { CloudFormationClient } from "@aws-sdk/client-cloudformation";
import {
  CloudWatchClient,
  DescribeAlarmHistoryCommand,
  GetMetricStatisticsCommand,
  paginateDescribeAlarms,
} from "@aws-sdk/client-cloudwatch";
import { paginateListSubscriptionsByTopic, SNSClient } from "@aws-sdk/client-sns";
import { CommandError } from "../exit.ts";
import { type Deployment, deployStep, patience, stackOf } from "./deployment.ts";
import { isMissing, stackOutputs } from "./find-stacks.ts";

/** An alarm of the deployment. */
export interface Alarm {
  name: string;
  isInAlarm: boolean;
  /** Whether it publishes to the topic when it starts: its actions are on, and the topic is one of them. */
  notifies: boolean;
}

/** CloudWatch's attempt to publish an alarm to the topic. */
export interface AlarmAction {
  alarm: string;
  /** Instant. */
  at: number;
  /** AWS's words if it failed. */
  failure?: string;
}

const configOf = ({ region, credentials }: Deployment) => ({ ...patience, region, credentials });

export const cloudWatchClient = (deployment: Deployment) => new CloudWatchClient(configOf(deployment));

/** The ARN of the topic of all alarms. Throws CommandError if the stack Monitoring is not deployed. */
export async function alarmTopic(deployment: Deployment): Promise<string> {
  const client = new CloudFormationClient(configOf(deployment));
  const outputs = await stackOutputs(client, deployment, "monitoring").catch((error: unknown) => {
    if (!isMissing(error)) throw error;
    return undefined;
  });
  const topic = outputs?.["AlarmTopicArn"];
  if (topic !== undefined) return topic;
  throw new CommandError(
    "notFound",
    `There are no alarms: the stack ${stackOf(deployment, "monitoring")} does not exist in ${deployment.region}, or has no output AlarmTopicArn. Deploy it: ${deployStep(deployment)}`,
  );
}

/** Alarms that notify no one on purpose: those that roll a deployment back, and one for the CloudWatch dashboard. */
const silent = /^(rollback-|unusual-calls$)/;

/** The deployment's alarms, by name, without those that notify no one on purpose. */
export async function alarmsOf(deployment: Deployment, topic: string): Promise<Alarm[]> {
  const client = cloudWatchClient(deployment);
  const AlarmNamePrefix = `smart-token-broker-${deployment.stage}-`;
  const alarms: Alarm[] = [];
  for await (const { MetricAlarms = [] } of paginateDescribeAlarms({ client }, { AlarmNamePrefix })) {
    for (const { AlarmName: name = "", StateValue, ActionsEnabled = true, AlarmActions = [] } of MetricAlarms) {
      if (silent.test(name.slice(AlarmNamePrefix.length))) continue;
      alarms.push({
        name,
        isInAlarm: StateValue === "ALARM",
        notifies: ActionsEnabled && AlarmActions.includes(topic),
      });
    }
  }
  return alarms;
}

/** The last attempts of one alarm to publish to the topic, newest first. CloudWatch keeps them for some weeks. */
export async function actionsOf(deployment: Deployment, alarm: string, topic: string): Promise<AlarmAction[]> {
  const command = new DescribeAlarmHistoryCommand({
    AlarmName: alarm,
    HistoryItemType: "Action",
    ScanBy: "TimestampDescending",
    MaxRecords: 20,
  });
  const { AlarmHistoryItems = [] } = await cloudWatchClient(deployment).send(command);
  return AlarmHistoryItems.filter(({ HistorySummary = "" }) => HistorySummary.includes(topic)).map(
    ({ Timestamp, HistorySummary = "" }) => ({
      alarm,
      at: (Timestamp?.getTime() ?? 0) / 1000,
      ...(!HistorySummary.startsWith("Successfully executed") && {
        failure: /Received error: "?(.*?)"?$/s.exec(HistorySummary)?.[1] ?? HistorySummary,
      }),
    }),
  );
}

/** How many subscriptions of the topic are confirmed, and how many are not yet. */
export async function subscriptionsOf(
  deployment: Deployment,
  TopicArn: string,
): Promise<{ confirmed: number; pending: number }> {
  const client = new SNSClient(configOf(deployment));
  const count = { confirmed: 0, pending: 0 };
  for await (const { Subscriptions = [] } of paginateListSubscriptionsByTopic({ client }, { TopicArn })) {
    for (const { SubscriptionArn = "" } of Subscriptions) {
      // Instead of an ARN, SNS writes PendingConfirmation or Deleted.
      if (SubscriptionArn.startsWith("arn:")) count.confirmed += 1;
      else if (SubscriptionArn === "PendingConfirmation") count.pending += 1;
    }
  }
  return count;
}

/** SNS's count of messages of the topic that it delivered, or failed to, in each period that has any. */
export async function deliveriesOf(
  deployment: Deployment,
  topic: string,
  outcome: "Delivered" | "Failed",
  { from, to, period }: { from: number; to: number; period: number },
): Promise<{ at: number; count: number }[]> {
  const command = new GetMetricStatisticsCommand({
    Namespace: "AWS/SNS",
    MetricName: `NumberOfNotifications${outcome}`,
    Dimensions: [{ Name: "TopicName", Value: topic.split(":").at(-1) }],
    StartTime: new Date(from * 1000),
    EndTime: new Date(to * 1000),
    Period: period,
    Statistics: ["Sum"],
  });
  const { Datapoints = [] } = await cloudWatchClient(deployment).send(command);
  return Datapoints.map(({ Timestamp, Sum = 0 }) => ({ at: (Timestamp?.getTime() ?? 0) / 1000, count: Sum })).filter(
    ({ count }) => count > 0,
  );
}
