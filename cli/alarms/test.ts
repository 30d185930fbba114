import { SetAlarmStateCommand } from "@aws-sdk/client-cloudwatch";
import { type Clock, systemClock } from "@smart-token-broker/auth-core/rules/clock.ts";
import type { CommandResult } from "../command.ts";
import {
  actionsOf,
  type Alarm,
  type AlarmAction,
  alarmsOf,
  alarmTopic,
  cloudWatchClient,
  deliveriesOf,
  subscriptionsOf,
} from "../deployment/alarms.ts";
import { brokerCommand } from "../../console/broker-command.ts";
import type { Deployment } from "../deployment/deployment.ts";
import { subscriptionFinding } from "../doctor/check-alarms.ts";
import { broken, type Finding, findingsResult, ok } from "../doctor/finding.ts";
import { CommandError } from "../exit.ts";
import { confirmed } from "../terminal/ask.ts";
import { withProgress } from "../terminal/progress.ts";

/** Seconds to wait for CloudWatch's action, and for SNS's metric, which has one value a minute and comes late. */
const maxActionSeconds = 60;
const maxMetricSeconds = 300;

const runbook = "docs/runbook.md#alarms-do-not-arrive";

/**
 * Sends one alarm of the deployment to its topic, and reports how far AWS shows its delivery. Changes nothing else: the
 * alarm returns to its own state at its next evaluation.
 */
export async function testAlarms(
  deployment: Deployment,
  _: string,
  options: { yes?: boolean },
  clock: Clock = systemClock(),
): Promise<CommandResult> {
  if (deployment.local) {
    throw new CommandError("usage", "A local run has no alarms. Test those of a deployment: leave out --local.");
  }
  const topic = await alarmTopic(deployment);
  const alarm = pickAlarm(deployment, await alarmsOf(deployment, topic));
  const subscriptions = await subscriptionsOf(deployment, topic);
  await confirmed(
    `Send the alarm ${alarm}, marked as a test, to everyone who receives the alarms of ${deployment.stage} (${subscriptions.confirmed})?`,
    options.yes ?? false,
  );
  // By CloudWatch's clock: the one of this machine may be wrong.
  const since = (await actionsOf(deployment, alarm, topic))[0]?.at ?? 0;
  const reason = "TEST by broker alarms test: nothing is wrong, do nothing.";
  const command = new SetAlarmStateCommand({ AlarmName: alarm, StateValue: "ALARM", StateReason: reason });
  await withProgress("Setting the alarm", cloudWatchClient(deployment).send(command));
  const findings = [
    ok(
      `Set ${alarm} to ALARM. CloudWatch sets it back at the next evaluation, often within seconds, and sends that too`,
    ),
  ];
  const action = await withProgress(
    "Waiting for CloudWatch",
    until(clock, maxActionSeconds, 2, async () =>
      (await actionsOf(deployment, alarm, topic)).findLast(({ at }) => at > since),
    ),
  );
  findings.push(actionFinding(action));
  if (action && action.failure === undefined) {
    const isReceived = subscriptions.confirmed > 0;
    findings.push({ ...subscriptionFinding(topic, subscriptions), ...(!isReceived && { level: "broken" }) });
    if (isReceived) findings.push(await deliveryFinding(deployment, topic, alarm, action.at, clock));
  }
  return findingsResult(deployment, findings);
}

/** An alarm whose test cannot be mistaken for an outage: callers notice nothing of dead letters. Pure. */
function pickAlarm(deployment: Deployment, alarms: Alarm[]): string {
  const notifying = alarms.filter(({ notifies }) => notifies);
  // CloudWatch acts only on a change of the state.
  const ready = notifying.filter(({ isInAlarm }) => !isInAlarm);
  const picked = ready.find(({ name }) => name.endsWith("-dead-letters")) ?? ready[0];
  if (picked) return picked.name;
  const problem =
    notifying.length > 0
      ? "Every alarm has started already, and a started alarm sends nothing. Fix what they report"
      : "No alarm sends anything: their actions are off, or are not the topic's. Turn them on, or deploy";
  throw new CommandError("failed", `${problem}: ${brokerCommand(deployment, "doctor")}`);
}

function actionFinding(action: AlarmAction | undefined): Finding {
  if (!action) return broken(`CloudWatch recorded no attempt to send it in ${maxActionSeconds} s`, runbook);
  return action.failure === undefined
    ? ok("CloudWatch sent it to the topic: the topic's policy and its KMS key allow that")
    : broken(`CloudWatch could not send it to the topic, so no alarm arrives: ${action.failure}`, runbook);
}

async function deliveryFinding(deployment: Deployment, topic: string, alarm: string, at: number, clock: Clock) {
  const from = Math.floor(at / 60) * 60;
  const range = { from, to: from + maxMetricSeconds + 60, period: 60 };
  const sum = async (outcome: "Delivered" | "Failed") =>
    (await deliveriesOf(deployment, topic, outcome, range)).reduce((total, { count }) => total + count, 0);
  const counted = await withProgress(
    "Waiting for SNS, which counts deliveries once a minute",
    until(clock, maxMetricSeconds, 15, async () => {
      const [delivered, failed] = await Promise.all([sum("Delivered"), sum("Failed")]);
      return delivered + failed > 0 ? { delivered, failed } : undefined;
    }),
  );
  const look = `look in the mailbox, and in its spam folder, for a message of AWS with ALARM: "${alarm}" in its subject`;
  if (!counted)
    return broken(`SNS counted no delivery in ${maxMetricSeconds} s`, `${look}; if there is none: ${runbook}`);
  if (counted.failed > 0) return broken(`SNS could not deliver ${counted.failed} of its messages`, runbook);
  return ok(`SNS delivered it. AWS cannot see a mailbox: ${look}`);
}

/** Repeats a reading until it has a value; `undefined` if it has none within the limit. Seconds. */
async function until<Value>(
  clock: Clock,
  limit: number,
  every: number,
  read: () => Promise<Value | undefined>,
): Promise<Value | undefined> {
  for (let waited = 0; ; waited += every) {
    const value = await read();
    if (value !== undefined || waited >= limit) return value;
    await clock.sleep(every);
  }
}
