import * as cloudwatch from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import type * as sns from "aws-cdk-lib/aws-sns";
import type { Construct } from "constructs";
import { failureCodes, needsOperator } from "@smart-token-broker/auth-core/rules/failure-catalogue.ts";

/** What an alarm watches, and its description. */
export interface AlarmSpec {
  /** Words with hyphens: the end of the alarm's name and the heading of its section in docs/runbook.md. */
  name: string;
  /** What happens, one sentence. */
  happens: string;
  /** What callers notice, one sentence. */
  callers: string;
  /** What to do first, one sentence. */
  first: string;
  /** With its period. */
  metric: cloudwatch.IMetric;
  /** Absent: the metric leaves the band that CloudWatch expects at this hour of the week. */
  threshold?: number;
  /** The alarm starts below the threshold. Absent: at or above it. */
  below?: boolean;
  /** Periods that are evaluated, and how many of them must breach. Default: 1, and all of them. */
  periods?: number;
  breaching?: number;
  /** Missing data starts the alarm. */
  missingIsBreaching?: boolean;
  /** Only the dashboard shows it: it notifies no one. */
  isSilent?: boolean;
}

/** Codes of failures that end when an operator acts. */
export const rejections = failureCodes.filter(needsOperator);

/** Standard deviations on either side of the expected value: wide, because false alarms at night cost trust. */
const bandWidth = 4;

/** Adds an alarm that notifies the topic when it starts and when it ends, unless it is silent. */
export function addAlarm(scope: Construct, stage: string, topic: sns.ITopic, spec: AlarmSpec): cloudwatch.Alarm {
  const { name, metric, threshold, periods = 1, breaching = periods } = spec;
  const props = {
    alarmName: `smart-token-broker-${stage}-${name}`,
    alarmDescription: `${spec.happens} ${spec.callers} First: ${spec.first} Runbook: ${name}.`,
    metric,
    evaluationPeriods: periods,
    datapointsToAlarm: breaching,
    treatMissingData: spec.missingIsBreaching
      ? cloudwatch.TreatMissingData.BREACHING
      : cloudwatch.TreatMissingData.NOT_BREACHING,
  };
  const { GREATER_THAN_OR_EQUAL_TO_THRESHOLD, LESS_THAN_THRESHOLD } = cloudwatch.ComparisonOperator;
  const alarm =
    threshold === undefined
      ? new cloudwatch.AnomalyDetectionAlarm(scope, name, { ...props, stdDevs: bandWidth })
      : new cloudwatch.Alarm(scope, name, {
          ...props,
          threshold,
          comparisonOperator: spec.below ? LESS_THAN_THRESHOLD : GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        });
  if (spec.isSilent) return alarm;
  const action = new SnsAction(topic);
  alarm.addAlarmAction(action);
  alarm.addOkAction(action);
  return alarm;
}
