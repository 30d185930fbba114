import { Duration, Stack } from "aws-cdk-lib";
import type * as iam from "aws-cdk-lib/aws-iam";
import type { Construct } from "constructs";
import type { DeploymentSettings } from "../settings/types.ts";
import type { AlarmSpec } from "./broker-alarm.ts";
import { BrokerFunction } from "./broker-function.ts";
import { total } from "./broker-metrics.ts";
import { addSchedules } from "./function-schedule.ts";
import type { MonitoredResources } from "./monitored-resources.ts";
import type { Stores } from "./stores.ts";

/** Adds a function that requests a token from the public URL every five minutes, so that an outage without callers shows. */
export function addProber(
  scope: Construct,
  { connection }: NonNullable<DeploymentSettings["prober"]>,
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

/** One probe is enough for the alarm of an open API. The alarm of failed probes needs several. */
export function proberAlarms({ metrics }: MonitoredResources): AlarmSpec[] {
  const probes = (code: string, label: string, period?: Duration) =>
    total(metrics.all("Probes", { codes: [code] }), label, period);
  return [
    {
      name: "api-open",
      happens: "A request without a signature reached the function.",
      callers: "Anyone who knows the URL can get tokens.",
      first: "delete the route at once, as the runbook says.",
      metric: probes("open", "probes that were let in", Duration.minutes(5)),
      threshold: 1,
    },
    {
      name: "probe-failed",
      happens: "No probe has passed for 15 minutes.",
      callers: "Callers may receive no valid token.",
      first: "read the code in the prober's last log line 'probe'.",
      metric: probes("ok", "probes that passed"),
      threshold: 1,
      below: true,
      // Periods are minutes, because a longer one counts as 0 before it is over. One failed probe makes ten minutes without
      // a passed one, or a few more if the next is late. Two make fifteen.
      periods: 15,
      // Without probes it is unknown whether callers are served.
      missingIsBreaching: true,
    },
  ];
}
