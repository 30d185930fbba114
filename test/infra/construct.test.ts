import { readFileSync } from "node:fs";
import { join } from "node:path";
import { App, Aws, CfnElement, Fn, Stack } from "aws-cdk-lib";
import { CfnAlarm } from "aws-cdk-lib/aws-cloudwatch";
import { AccountPrincipal, Role } from "aws-cdk-lib/aws-iam";
import type * as v from "valibot";
import { expect, expectTypeOf, test } from "vitest";
import type { callerSchema } from "../../functions/auth-core/rules/callers/callers.ts";
import type { plainSettings } from "../../infra/settings/schemas.ts";
import { type CallerEntry, SmartTokenBroker, type SmartTokenBrokerProps } from "../../packages/cdk/src/index.ts";

const read = (path: string) => readFileSync(join(import.meta.dirname, "../..", path), "utf8");

type Settings = typeof plainSettings;
/** What the schemas of the settings accept. */
type Accepted = { [Key in keyof Settings]: v.InferInput<Settings[Key]["schema"]> };
type Plain = Required<Omit<SmartTokenBrokerProps, "callers">>;

/** The error of a broker whose props are wrong. A JavaScript app can pass anything. */
function errorOf(props: object | undefined): string {
  try {
    new SmartTokenBroker(new Stack(new App(), "Shop"), "Broker", props as SmartTokenBrokerProps);
  } catch (error) {
    return (error as Error).message;
  }
  return "none";
}

// `tsc` is the test: vitest does not check types.
test("The props have the types that the schemas of the settings accept", () => {
  expectTypeOf<Plain>().toExtend<Accepted>();
  expectTypeOf<Accepted>().toExtend<Plain>();
  expectTypeOf<keyof Plain>().toEqualTypeOf<keyof Accepted>();
  expectTypeOf<CallerEntry>().toExtend<v.InferInput<typeof callerSchema>>();
  type Fields<Entry> = Entry extends unknown ? keyof Entry : never;
  expectTypeOf<Fields<CallerEntry>>().toEqualTypeOf<keyof v.InferInput<typeof callerSchema>>();
});

test("Each wrong prop is one line that names the prop and the construct, and no file", () => {
  const lines = errorOf({
    stage: "Prod",
    connections: ["a b"],
    shards: "2",
    callers: "callers.json",
    throttle: { token: { rate: 0, burst: 1 } },
    conections: [],
  }).split("\n");

  expect(lines.map((line) => /"[\w.]+"|^callers/.exec(line)?.[0])).toEqual([
    '"conections"',
    '"stage"',
    '"connections.0"',
    '"throttle.token.rate"',
    '"shards"',
    "callers",
  ]);
  for (const line of lines) expect(line).toMatch(/Shop\/Broker/);
  for (const line of lines) expect(line).not.toMatch(/settings\/|cdk\.json| -c /);
});

test.each([
  ["without a stage", {}, /^The setting "stage" must be .* Correct the prop stage of Shop\/Broker\.$/],
  ["without props", undefined, /^The setting "stage" must be .* Correct the prop stage of Shop\/Broker\.$/],
  [
    "with more connections than a stack has room for",
    { stage: "prod", connections: Array.from({ length: 101 }, (_, index) => `c-${index}`) },
    /^The setting "connections" must have at most 100 ids, .*connections add ID/,
  ],
])("A broker %s is rejected", (_, props, message) => {
  expect(errorOf(props)).toMatch(message);
});

// In an asset, the placeholder of a token is never replaced.
test.each([
  ["an audience", "callers.0.oidc.audience", { issuer: "https://id.example.com", audience: Fn.ref("Audience") }],
  [
    "a claim",
    "callers.0.oidc.claims.sub",
    { issuer: "https://id.example.com", audience: "a", claims: { sub: `${Aws.ACCOUNT_ID}:*` } },
  ],
])("A token of the CDK is rejected as %s", (_, place, oidc) => {
  const callers = [{ name: "ci", connections: ["acme"], oidc }];

  expect(errorOf({ stage: "prod", callers })).toBe(
    `The setting "${place}" must be known at synthesis; it is a token of the CDK. Nothing was changed. Correct the prop callers of Shop/Broker.`,
  );
});

test("grantToken rejects a role of another account, which the CDK would not change", () => {
  const stack = new Stack(new App(), "Shop", { env: { account: "111111111111", region: "eu-south-1" } });
  const broker = new SmartTokenBroker(stack, "Broker", { stage: "prod" });
  const role = (account: string) => Role.fromRoleArn(stack, account, `arn:aws:iam::${account}:role/orders`);

  expect(broker.grantToken(role("111111111111"), "acme").success).toBe(true);
  for (const other of [role("222222222222"), new AccountPrincipal("222222222222")]) {
    expect(() => broker.grantToken(other, "acme")).toThrow(/List the role as a principal in callers\.$/);
  }
});

test("A second broker in a stack is rejected, and a connection that is no id", () => {
  const stack = new Stack(new App(), "Shop");
  const broker = new SmartTokenBroker(stack, "Broker", { stage: "prod" });

  expect(() => new SmartTokenBroker(stack, "Other", { stage: "test" })).toThrow(
    /^The stack Shop has a second SmartTokenBroker, Shop\/Other: .* Put it into a stack of its own\.$/,
  );
  expect(() => broker.grantToken(broker.node.findAll()[0] as never, "*")).toThrow(/^grantToken of Shop\/Broker: /);
});

test("The commands in the descriptions of alarms name the stack", () => {
  const stack = new Stack(new App(), "Shop", { env: { account: "111111111111", region: "eu-south-1" } });
  const broker = new SmartTokenBroker(stack, "Broker", { stage: "prod" });

  const alarms = broker.node.findAll().filter((each) => CfnAlarm.isCfnAlarm(each));
  const commands = alarms.flatMap(({ alarmDescription }) => alarmDescription?.match(/`npx broker [^`]+`/g) ?? []);

  expect([...new Set(commands)]).toEqual(["`npx broker status --stack Shop --region eu-south-1`"]);
});

// CloudFormation would create a renamed resource, whose name exists, and leave the old one behind.
test("The logical ids of what holds data, of the API and of the outputs never change", () => {
  const stack = new Stack(new App(), "Shop");
  const broker = new SmartTokenBroker(stack, "Broker", { stage: "prod", connections: ["acme", "acme-1"] });

  const elements = broker.node.findAll().filter((each) => CfnElement.isCfnElement(each));
  const ids = elements.map((each) => stack.resolve(each.logicalId) as string);

  const lasting = /State(Key|Table|Secret)|StbApi[0-9A-F]{8}$|^SmartTokenBroker/;
  expect(ids.filter((id) => lasting.test(id)).toSorted((one, other) => (one < other ? -1 : 1))).toEqual([
    "BrokerStbApi34B9465E",
    "BrokerStbStateKey934F3AF2",
    "BrokerStbStateKeyAlias37CB5A83",
    "BrokerStbStateSecretacme1X7974d1de4E18CF20",
    "BrokerStbStateSecretacmeAD4C2A8C",
    "BrokerStbStateTable21E015D6",
    "SmartTokenBrokerAlarmTopicArn",
    "SmartTokenBrokerApiId",
    "SmartTokenBrokerDashboardName",
    "SmartTokenBrokerKeyArn",
    "SmartTokenBrokerKeyEventsRule",
    "SmartTokenBrokerKeyRotationFunctionArn",
    "SmartTokenBrokerRotateApiKeysEveryDays",
    "SmartTokenBrokerSecretPrefix",
    "SmartTokenBrokerTableName",
    "SmartTokenBrokerUrl",
  ]);
});

test("All packages have the version of the release", () => {
  const versionOf = (path: string) => (JSON.parse(read(path)) as { version: string }).version;

  expect(versionOf("packages/cdk/package.json")).toBe(versionOf("package.json"));
  expect(versionOf("packages/client/package.json")).toBe(versionOf("package.json"));
});
