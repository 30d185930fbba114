import { Duration, Stack } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import { CfnSchedule } from "aws-cdk-lib/aws-scheduler";
import type { Construct } from "constructs";
import type { DeploymentSettings, ProberSettings } from "../settings.ts";
import type { AlarmSpec } from "./broker-alarm.ts";
import { BrokerFunction, type Stores } from "./broker-function.ts";
import { total } from "./broker-metrics.ts";
import type { MonitoredResources } from "./monitored-resources.ts";

/** A small caller of our own: every five minutes it asks the public URL as everybody does, so that silence is seen too. */
export function addProber(
  scope: Construct,
  { connection }: ProberSettings,
  settings: DeploymentSettings,
  stores: Stores,
  api: { apiId: string; url: string },
): void {
  const prober = new BrokerFunction(scope, "Prober", {
    name: "prober",
    description: "Smart Token Broker: asks for a token from outside, with a signature and without",
    timeout: Duration.seconds(60),
    stores,
    settings,
  });
  const path = `/v1/connections/${connection}/token`;
  const stack = Stack.of(scope);
  prober.allowAsking(
    stack.formatArn({ service: "execute-api", resource: api.apiId, resourceName: `$default/GET${path}` }),
  );

  const scheduler = new iam.Role(scope, "ProberScheduler", {
    assumedBy: new iam.ServicePrincipal("scheduler.amazonaws.com", {
      conditions: { StringEquals: { "aws:SourceAccount": stack.account } },
    }),
  });
  scheduler.addToPolicy(
    new iam.PolicyStatement({ actions: ["lambda:InvokeFunction"], resources: [prober.function.functionArn] }),
  );
  new CfnSchedule(scope, "Probes", {
    description: `Smart Token Broker ${settings.stage}: probe of ${connection}`,
    scheduleExpression: "rate(5 minutes)",
    flexibleTimeWindow: { mode: "OFF" },
    target: {
      arn: prober.function.functionArn,
      roleArn: scheduler.roleArn,
      input: stack.toJsonString({ url: `${api.url}${path}`, connection, region: stack.region }),
      retryPolicy: { maximumRetryAttempts: 0, maximumEventAgeInSeconds: 60 },
    },
  });
}

/** What a probe can say at once, and what only some of them together can. */
export function proberAlarms({ metrics }: MonitoredResources): AlarmSpec[] {
  const probes = (code: string, label: string, period?: Duration) =>
    total([metrics.of("Probes", { service: "prober", code, source: "prober" })], label, period);
  return [
    {
      name: "api-open",
      means: "A request without a signature got to the function: whoever knows the URL may get tokens.",
      first: "take the route away at once, as the runbook says.",
      metric: probes("open", "probes that got in", Duration.minutes(5)),
      threshold: 1,
    },
    {
      name: "probe-failed",
      means: "For a quarter of an hour no probe has passed: from outside no valid token is to be had.",
      first: "read the code of the last line 'probe' in the prober's log.",
      metric: probes("ok", "probes that passed"),
      threshold: 1,
      below: true,
      // By the minute, since a longer period that is not over counts as 0 already. One probe that failed makes ten minutes
      // without one that passed, and some more where the next comes late; two make fifteen.
      periods: 15,
      // Silence is an alarm as well: then nobody knows whether callers are served.
      missingIsBreaching: true,
    },
  ];
}
