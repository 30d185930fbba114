import { CfnOutput, Duration, Stack } from "aws-cdk-lib";
import * as cloudwatch from "aws-cdk-lib/aws-cloudwatch";
import type * as sns from "aws-cdk-lib/aws-sns";
import { Construct } from "constructs";
import { AlarmTopic } from "../constructs/alarm-topic.ts";
import { addAlarm } from "../constructs/broker-alarm.ts";
import { dashboardRows } from "../constructs/broker-dashboard.ts";
import { BrokerMetrics } from "../constructs/broker-metrics.ts";
import { callerAlarms } from "../constructs/caller-alarms.ts";
import { CallerInsights } from "../constructs/caller-insights.ts";
import { addProber, proberAlarms } from "../constructs/prober.ts";
import { upkeepAlarms } from "../constructs/upkeep-alarms.ts";
import { readOnce } from "../constructs/read-once.ts";
import type { MonitoredResources, WatchedNames } from "../constructs/monitored-resources.ts";
import type { DeploymentSettings } from "../settings/types.ts";
import type { Api } from "./api.ts";
import type { Rotation } from "./rotation.ts";
import type { State } from "./state.ts";

/**
 * Dashboard, alarms and caller statistics. No caller needs them. `target` is the option of `npx broker` for this deployment:
 * without it, an operator reads the stage dev.
 */
export class Monitoring extends Construct {
  readonly alarmTopic: sns.ITopic;

  constructor(
    scope: Construct,
    id: string,
    settings: DeploymentSettings,
    { state, api, rotation, target }: { state: State; api: Api; rotation: Rotation; target: string },
  ) {
    super(scope, id);
    const { stage, prober } = settings;
    const functions = { ...api.functions, ...rotation.functions };
    const namesOf = Object.entries(functions).map(([name, each]) => [
      name,
      { functionName: each.function.functionName, logGroupName: each.logGroup.logGroupName },
    ]);
    const names: WatchedNames = {
      functions: Object.fromEntries(namesOf) as WatchedNames["functions"],
      apiId: api.apiId,
      tableName: state.stores.table.tableName,
      deadLettersName: rotation.deadLetters.queueName,
    };
    const monitored: MonitoredResources = {
      ...(Stack.of(api) === Stack.of(this) ? names : readOnce(this, names)),
      settings,
      statusCommand: `npx broker status ${target} --region ${Stack.of(this).region}`,
      metrics: new BrokerMetrics(stage, functions),
    };

    const { topic } = new AlarmTopic(this, "Alarms", settings);
    this.alarmTopic = topic;
    if (prober) addProber(this, prober, settings, state.stores, api);
    const specs = [...callerAlarms(monitored), ...upkeepAlarms(monitored), ...(prober ? proberAlarms(monitored) : [])];
    const alarms = specs.map((spec) => addAlarm(this, stage, topic, spec));

    const insights = new CallerInsights(this, "Callers", monitored);
    const dashboard = new cloudwatch.Dashboard(this, "Dashboard", {
      // Names of dashboards are global to an account, and a stage may be in several regions.
      dashboardName: `smart-token-broker-${stage}-${Stack.of(this).region}`,
      defaultInterval: Duration.hours(12),
      widgets: dashboardRows(monitored, alarms, insights.widgets),
    });

    new CfnOutput(this, "AlarmTopicArn", {
      value: topic.topicArn,
      description: "SNS topic of all alarms. Subscribe to it.",
    });
    new CfnOutput(this, "DashboardName", { value: dashboard.dashboardName, description: "CloudWatch dashboard" });
  }
}
