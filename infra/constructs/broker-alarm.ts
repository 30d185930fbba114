import * as cloudwatch from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import type * as sns from "aws-cdk-lib/aws-sns";
import type { Construct } from "constructs";

/** What an alarm watches and what its reader is told. */
export interface AlarmSpec {
  /** Words with hyphens: the end of the alarm's name, and the heading of its section in docs/runbook.md. */
  name: string;
  /** What it means, a sentence. */
  means: string;
  /** What to do first, a sentence. */
  first: string;
  /** With a period of its own. */
  metric: cloudwatch.IMetric;
  /** Absent: outside the band of what is normal for the hour and the day. */
  threshold?: number;
  /** Absent: at or above the threshold. */
  below?: boolean;
  /** Periods that are looked at, and how many of them have to breach; absent: 1 and 1. */
  periods?: number;
  breaching?: number;
  /** Silence is the fault. */
  missingIsBreaching?: boolean;
}

/** Standard deviations on either side of what is expected: wide, because it is to be told of, not to be woken by. */
const bandWidth = 4;

/** An alarm that tells the topic when it begins and when it is over. */
export function addAlarm(scope: Construct, stage: string, topic: sns.ITopic, spec: AlarmSpec): cloudwatch.Alarm {
  const { name, means, first, metric, threshold, periods = 1, breaching = periods } = spec;
  const props = {
    alarmName: `smart-token-broker-${stage}-${name}`,
    alarmDescription: `${means} First: ${first} More: docs/runbook.md#${name}`,
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
  const action = new SnsAction(topic);
  alarm.addAlarmAction(action);
  alarm.addOkAction(action);
  return alarm;
}
