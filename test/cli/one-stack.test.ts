import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { callersMetadata } from "../../functions/auth-core/rules/callers/deployed-callers.ts";
import { awsEnvironment, stacksWith, startAwsStandIn, type StandIn } from "./aws-stand-in.ts";
import { broker, expectError } from "./harness.ts";

const aws: StandIn = { stacks: {} };
let standIn: Awaited<ReturnType<typeof startAwsStandIn>>;
beforeAll(async () => {
  standIn = await startAwsStandIn(aws);
});
afterAll(() => standIn.close());

beforeEach(() => {
  const parts = Object.values(stacksWith(standIn.url, { secretPrefix: "smart-token-broker/shop" }));
  const outputs = Object.entries(Object.assign({}, ...parts) as Record<string, string>);
  const prefixed = Object.fromEntries(outputs.map(([name, value]) => [`SmartTokenBroker${name}`, value]));
  // The second has as many letters before its end as the broker's outputs.
  const ofApp = { Url: "http://127.0.0.1:1/of-the-app", OtherServiceNameSecretPrefix: "orders" };
  aws.stacks = { "Shop-prod": { ...prefixed, ...ofApp }, other: ofApp };
  aws.metadata = { [callersMetadata]: {} };
  aws.resources = [
    ["BrokerStbRotationSweep0AB12CD34", "sweep-0", "AWS::Scheduler::Schedule"],
    ["NightlyInvoices5678AB12", "invoices", "AWS::Scheduler::Schedule"],
    ["BrokerStbRotationDeadLetters12345678", `${standIn.url}/1/dead`, "AWS::SQS::Queue"],
    ["OrdersQueue12345678", `${standIn.url}/1/orders`, "AWS::SQS::Queue"],
  ].map(([LogicalResourceId = "", PhysicalResourceId = "", ResourceType = ""]) => ({
    LogicalResourceId,
    PhysicalResourceId,
    ResourceType,
  }));
});

const onAws = (...args: string[]) => broker(args, { env: awsEnvironment(standIn.url) });

describe("--stack", () => {
  test("examines the broker's resources in another app's stack, and none of the app", async () => {
    const { stdout } = await onAws("doctor", "--stack", "Shop-prod", "--json");

    const found = (JSON.parse(stdout) as { what: string }[]).map(({ what }) => what);
    expect(found.filter((what) => /schedule|queue/.test(what))).toEqual([
      "The schedule sweep-0 is on",
      "The dead-letter queue is empty",
    ]);
    expect(found).toContain("1 subscription receives the alarms");
  });

  test("finds the deployed callers in the stack", async () => {
    expectError(await onAws("callers", "revoke", "php", "--stack", "Shop-prod", "--yes"), 3, /No deployed caller has/);
  });

  test("is rejected where the settings in this checkout would be listed", async () => {
    const message = /With --stack, the list is in the props of SmartTokenBroker/;

    expectError(await onAws("callers", "list", "--stack", "Shop-prod"), 2, message);
  });

  test("is in every command that is printed, in place of the stage, whose name is in the outputs", async () => {
    const { stderr } = await onAws("connections", "show", "acme", "--stack", "Shop-prod");

    expect(stderr).toMatch(
      /^error: There is no connection acme\. .*: npx broker connections list --stack Shop-prod\n$/,
    );
  });

  test.each([
    ["a stack without a broker", ["--stack", "other"], 3, /other has no output SmartTokenBroker\w+: it has no SmartT/],
    ["a stack that does not exist", ["--stack", "none"], 3, /The stack none does not exist in .* Check --stack/],
    ["a name that is no stack's", ["--stack", "a b"], 2, /Invalid stack\. Set --stack/],
    ["a stage too", ["--stack", "Shop-prod", "--stage", "prod"], 2, /'--stack <name>' cannot be used with .*--stage/],
  ])("fails with %s", async (_, args, code, message) => {
    expectError(await onAws("status", ...args), code, message);
  });
});
