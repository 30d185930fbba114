import { Duration, Stack } from "aws-cdk-lib";
import type * as iam from "aws-cdk-lib/aws-iam";
import type { Construct } from "constructs";
import type { DeploymentSettings, ProberSettings } from "../settings.ts";
import type { AlarmSpec } from "./broker-alarm.ts";
import { BrokerFunction } from "./broker-function.ts";
import { total } from "./broker-metrics.ts";
import { addSchedules } from "./function-schedule.ts";
import type { MonitoredResources } from "./monitored-resources.ts";
import type { Stores } from "./stores.ts";

/** Adds a function that requests a token from the public URL every five minutes, so that an outage without callers shows. */
export function addProber(
  scope: Construct,
  { connection }: ProberSettings,
  settings: DeploymentSettings,
  stores: Stores,
  api: { url: string; grantGetToken: (grantee: iam.IGrantable, connection: string) => void },
): void {
  const prober = new BrokerFunction(scope, "Prober", {
    name: "prober",
    description: "Smart Token Broker: requests a token from the public URL, with a signature and without",
    timeout: Duration.seconds(60),
    stores,
    settings,
  });
  api.grantGetToken(prober, connection);
  const stack = Stack.of(scope);
  const url = `${api.url}/v1/connections/${connection}/token`;
  addSchedules(scope, "ProberScheduler", prober, {
    Probes: {
      description: `Smart Token Broker ${settings.stage}: probe of connection ${connection}`,
      expression: "rate(5 minutes)",
      input: stack.toJsonString({ url, connection, region: stack.region }),
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
