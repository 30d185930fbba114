import {
  type AlarmAction,
  actionsOf,
  alarmsOf,
  alarmTopic,
  deliveriesOf,
  subscriptionsOf,
} from "../deployment/alarms.ts";
import { type Deployment, deployStep } from "../deployment/deployment.ts";
import { CommandError } from "../exit.ts";
import { timeOfDay } from "../../console/time.ts";
import { broken, type Finding, ok, tryCheck, warning } from "./finding.ts";

const day = 24 * 3600;

/** Days for which CloudWatch keeps a metric. */
const metricDays = 455;

/** Days after which a failed delivery is no warning any more. */
const failureDays = 7;

const runbook = "docs/runbook.md#alarms-do-not-arrive";

/** Checks that alarms reach someone: that they are sent, received, and that this was ever proven. */
export async function checkAlarms(deployment: Deployment): Promise<Finding[]> {
  let topic: string;
  try {
    topic = await alarmTopic(deployment);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return [warning("No one is notified of a failure: there are no alarms", deployStep(deployment))];
  }
  const checks = [
    tryCheck(
      "who receives alarms",
      subscriptionsOf(deployment, topic).then((found) => [subscriptionFinding(topic, found)]),
    ),
    tryCheck("whether alarms are sent", checkActions(deployment, topic)),
    tryCheck("whether alarms are delivered", checkDeliveries(deployment, topic)),
  ];
  return (await Promise.all(checks)).flat();
}

/** Whether anyone receives the alarms. Pure. */
export function subscriptionFinding(
  topic: string,
  { confirmed, pending }: { confirmed: number; pending: number },
): Finding {
  const waiting = pending === 0 ? "" : `; ${pending} more did not confirm yet`;
  if (confirmed > 0) return ok(`${subscriptions(confirmed)} the alarms${waiting}`);
  if (pending > 0) {
    return warning(
      `No one receives the alarms: no subscription is confirmed (${pending} ${pending === 1 ? "is" : "are"} waiting)`,
      "open the link in the message 'AWS Notification - Subscription Confirmation'; after 48 hours subscribe again",
    );
  }
  return warning(
    "No one receives the alarms: their topic has no subscription",
    `aws sns subscribe --topic-arn ${topic} --protocol email --notification-endpoint ADDRESS`,
  );
}

const subscriptions = (count: number) => (count === 1 ? "1 subscription receives" : `${count} subscriptions receive`);

/** Whether CloudWatch could publish the last alarm, and whether all alarms try to. */
async function checkActions(deployment: Deployment, topic: string): Promise<Finding[]> {
  const alarms = await alarmsOf(deployment, topic);
  const silent = alarms.filter(({ notifies }) => !notifies).map(({ name }) => name);
  const actions: AlarmAction[] = [];
  // One after the other: CloudWatch allows 20 of these requests a second.
  for (const { name } of alarms) actions.push(...(await actionsOf(deployment, name, topic)));
  const last = actions.toSorted((one, other) => other.at - one.at)[0];
  return [
    ...(silent.length > 0
      ? [
          warning(
            `${silent.length} of ${alarms.length} alarms notify no one: their actions are off, or are not those of the stack`,
            `aws cloudwatch enable-alarm-actions --alarm-names ${silent.join(" ")}`,
          ),
        ]
      : []),
    ...(last?.failure === undefined
      ? []
      : [broken(`No alarm arrives: ${last.alarm} could not be sent at ${when(last.at)}: ${last.failure}`, runbook)]),
  ];
}

async function checkDeliveries(deployment: Deployment, topic: string): Promise<Finding[]> {
  const to = Date.now() / 1000;
  const range = { from: to - metricDays * day, to, period: day };
  const [delivered, failed] = await Promise.all([
    deliveriesOf(deployment, topic, "Delivered", range),
    deliveriesOf(deployment, topic, "Failed", { ...range, from: to - failureDays * day }),
  ]);
  const failures = failed.reduce((sum, { count }) => sum + count, 0);
  return [
    delivered.length === 0
      ? warning(
          `No alarm was delivered in ${metricDays} days: nothing proves that an alarm arrives`,
          "broker alarms test",
        )
      : ok(`An alarm was last delivered at ${when(Math.max(...delivered.map(({ at }) => at)))}`),
    ...(failures > 0
      ? [warning(`SNS could not deliver ${failures} messages of alarms in the last ${failureDays} days`, runbook)]
      : []),
  ];
}

const when = (instant: number) => timeOfDay(instant, Date.now() / 1000);
