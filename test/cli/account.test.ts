import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { testAlarms } from "../../cli/alarms/test.ts";
import type { CommandResult } from "../../cli/command.ts";
import { findStacks } from "../../cli/deployment/find-stacks.ts";
import { steppedClock } from "../support/clock.ts";
import { runInProcess } from "../support/in-process.ts";
import { type Account, alarmName, failed, healthyAccount, keyDenies, succeeded } from "./account-stand-in.ts";
import { awsEnvironment, stacksWith, startAwsStandIn, type StandIn } from "./aws-stand-in.ts";
import { broker, expectError } from "./harness.ts";

type Found = { level: string; what: string; fix?: string }[];

let aws: StandIn;
let account: Account;
let standIn: Awaited<ReturnType<typeof startAwsStandIn>>;
beforeAll(async () => {
  aws = { stacks: {} };
  standIn = await startAwsStandIn(aws);
});
afterAll(() => standIn.close());
beforeEach(() => {
  account = healthyAccount();
  Object.assign(aws, { stacks: stacksWith(standIn.url), account });
  delete aws.pending;
  delete aws.resources;
});

const environment = () => awsEnvironment(standIn.url);
const onAws = (...args: string[]) => broker(args, { env: environment() });
const examine = async () => JSON.parse((await onAws("doctor", "--json")).stdout) as Found;
const action = (AlarmName: string, Timestamp: number, HistorySummary: string) => ({
  AlarmName,
  Timestamp,
  HistorySummary,
});
const errors = "smart-token-broker-dev-errors";

const functions = ["Calls", "Token", "TokenRotation"].map((LogicalResourceId) => ({
  LogicalResourceId,
  PhysicalResourceId: `fake-${LogicalResourceId.toLowerCase()}`,
  ResourceType: "AWS::Lambda::Function",
}));

describe("doctor", () => {
  test("finds no problem of an account in which alarms arrive", async () => {
    account.history = [action(errors, 1_789_000_000, failed), action(alarmName, 1_789_000_001, succeeded)];

    const found = await examine();

    const subject = /Lambda|alarm/;
    expect(found.filter(({ what }) => subject.test(what)).toSorted((a, b) => (a.what < b.what ? -1 : 1))).toEqual([
      { level: "ok", what: "1 subscription receives the alarms" },
      {
        level: "ok",
        what: expect.stringMatching(/^An alarm was last delivered at 21 Sept( 2026)?, 14:13Z$/) as string,
      },
      { level: "ok", what: "Lambda allows 1000 executions at once in this account and region" },
    ]);
  });

  test.each<[string, () => void, RegExp]>([
    [
      "a small account",
      () => (account.concurrency = 10),
      /^warning +Lambda allows only 10 executions .* The 5 functions .* while a sweep runs, at most 9 token .*\n +fix: aws service-quotas/m,
    ],
    [
      "calls that could take all executions",
      () => (aws.resources = functions),
      /^broken +Calls can take all executions .* Neither calls nor token has reserved concurrency\n +fix: set reservedConcurrency.calls and deploy /m,
    ],
    [
      "calls beside tokens that have their own executions",
      () => {
        aws.resources = functions;
        account.reserved = { "fake-token": 50 };
      },
      /^ok +Calls cannot take all executions at once: calls or token has reserved concurrency$/m,
    ],
    [
      "a topic without a subscription",
      () => (account.subscriptions = []),
      /^warning +No one receives the alarms: their topic has no subscription\n +fix: aws sns subscribe --topic-arn \S+fake-topic /m,
    ],
    [
      "a subscription that is not confirmed",
      () => (account.subscriptions = ["PendingConfirmation"]),
      /^warning +No one receives the alarms: no subscription is confirmed \(1 is waiting\)\n +fix: open the link/m,
    ],
    [
      "that no alarm was ever delivered",
      () => (account.counts.Delivered = 0),
      /^warning +No alarm was delivered in 455 days.*\n +fix: npx broker alarms test$/m,
    ],
    [
      "deliveries that failed",
      () => (account.counts.Failed = 2),
      /^warning +SNS could not deliver 2 messages .* last 7 days\n +fix: docs\/runbook\.md#alarms-do-not-arrive$/m,
    ],
    [
      "that the last alarm could not be sent",
      () => (account.history = [action(errors, 1_789_000_000, succeeded), action(alarmName, 1_789_000_001, failed)]),
      new RegExp(
        `^broken +No alarm arrives: ${alarmName} could not .* 10 Sept( 2026)?, \\d\\d:\\d\\dZ: ${keyDenies}$`,
        "m",
      ),
    ],
    [
      "alarms whose actions are off",
      () => Object.assign(account.alarms[0] ?? {}, { ActionsEnabled: false }),
      new RegExp(`^warning +1 of 2 alarms notify no one: .*\n +fix: aws cloudwatch .*--alarm-names ${errors}$`, "m"),
    ],
    [
      "that the stack Monitoring does not exist",
      () => delete aws.stacks["smart-token-broker-dev-monitoring"],
      /^warning +No one is notified of a failure: there are no alarms\n +fix: npm run deploy$/m,
    ],
    [
      "a rotation that started on an empty secret",
      () => (aws.pending = "smart-token-broker/dev/empty"),
      /^warning +empty: a rotation has started, and AWSPENDING has no value\. .*\n +fix: aws secretsmanager .* fake-version-1$/m,
    ],
  ])("finds %s, with its fix", async (_, change, finding) => {
    change();

    expect((await onAws("doctor")).stdout).toMatch(finding);
  });

  test("repeats --region in the fixes that are commands", async () => {
    account.subscriptions = [];
    account.counts.Delivered = 0;

    const { stdout } = await onAws("doctor", "--region", "eu-south-1");

    expect(stdout).toMatch(/fix: npx broker alarms test --region eu-south-1\n/);
    expect(stdout).toMatch(/fix: aws sns subscribe .* --region eu-south-1\n/);
  });
});

describe("alarms test", () => {
  const passed = async () => {
    const clock = steppedClock();
    const start = clock.now();
    let result: CommandResult | undefined;
    const main = async () => {
      result = await clock.passUntil(testAlarms(await findStacks({ stage: "dev" }), "", { yes: true }, clock));
      return 0;
    };
    await runInProcess(main, [], { stdin: "", env: environment() });
    return { findings: result?.json as Found, exitCode: result?.exitCode ?? 0, seconds: clock.now() - start };
  };

  test("sends one alarm, marked as a test, and says what arrived and where to look", async () => {
    const { status, stdout } = await onAws("alarms", "test", "--yes");

    expect(
      stdout,
    ).toBe(`ok       Set ${alarmName} to ALARM. CloudWatch sets it back at the next evaluation, often within seconds, and sends that too
ok       CloudWatch sent it to the topic: the topic's policy and its KMS key allow that
ok       1 subscription receives the alarms
ok       SNS delivered it. AWS cannot see a mailbox: look in the mailbox, and in its spam folder, for a message of AWS with ALARM: "${alarmName}" in its subject
`);
    expect(status).toBe(0);
    expect(account.set).toEqual([
      { AlarmName: alarmName, StateValue: "ALARM", StateReason: expect.stringMatching(/^TEST by broker/) as string },
    ]);
  });

  test("sends nothing without a confirmation, because it pages people", async () => {
    expectError(await onAws("alarms", "test"), 2, /^error: Send the alarm \S+, marked as a test, to everyone .*--yes/);
    expect(account.set).toEqual([]);
  });

  test.each<[string, () => void, RegExp, number]>([
    ["could not be sent", () => (account.onAlarm = failed), new RegExp(`could not send it .*: ${keyDenies}$`), 0],
    ["was not sent", () => (account.onAlarm = undefined), /recorded no attempt to send it in 60 s$/, 60],
    ["no one receives", () => (account.subscriptions = []), /^No one receives the alarms: their topic has no/, 0],
    ["SNS did not count", () => (account.counts.Delivered = 0), /^SNS counted no delivery in 300 s$/, 300],
    ["SNS could not deliver", () => (account.counts.Failed = 1), /^SNS could not deliver 1 of its messages$/, 0],
  ])("finds an alarm that %s", async (_, change, what, seconds) => {
    account.history = [action(alarmName, 1_700_000_000, succeeded)];
    change();

    const result = await passed();

    const { level, what: last, fix } = result.findings.at(-1) ?? {};
    expect(last).toMatch(what);
    expect(fix).toMatch(/./);
    expect({ ...result, findings: level }).toEqual({ findings: "broken", exitCode: 1, seconds });
  });

  test.each<[string, () => void, number, RegExp]>([
    ["have started", () => account.alarms.forEach((alarm) => (alarm.StateValue = "ALARM")), 1, /^error: Every alarm/],
    ["are off", () => account.alarms.forEach((alarm) => (alarm.ActionsEnabled = false)), 1, /^error: No alarm sends/],
    ["do not exist", () => delete aws.stacks["smart-token-broker-dev-monitoring"], 3, /^error: There are no alarms: /],
  ])("fails if all alarms %s", async (_, change, code, message) => {
    change();

    expectError(await onAws("alarms", "test", "--yes"), code, message);
    expect(account.set).toEqual([]);
  });

  test("takes another alarm if the first choice has started", async () => {
    Object.assign(account.alarms[1] ?? {}, { StateValue: "ALARM" });

    await onAws("alarms", "test", "--yes");

    expect(account.set).toMatchObject([{ AlarmName: errors }]);
  });
});
