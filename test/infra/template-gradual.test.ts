import { expect, test } from "vitest";
import { everything, keyCaller, type Resource, synthesise } from "./synth.ts";
import { metricsOfAlarm } from "./monitoring-template.ts";

const canary = synthesise(everything);
const { ofType, render } = canary;
const aliases = ofType("AWS::Lambda::Alias");
const versions = ofType("AWS::Lambda::Version");
const nameOf = (id: string) => id.replace(/Live.*|Function.*/, "");
const ref = (resource: Resource | undefined) => `\${${resource?.id}}`;
const aliasOf = (name: string) => aliases.find(({ id }) => nameOf(id) === name);
const sortedUnique = (all: string[]) => [...new Set(all)].toSorted();

test("Every function has the alias live of its newest version, except key-rotation, which secrets name themselves", () => {
  for (const { Properties } of aliases) {
    const version = versions.find(({ id }) => render(Properties.FunctionVersion) === `\${${id}.Version}`);
    expect(Properties.Name).toBe("live");
    expect(render(version?.Properties.FunctionName)).toBe(render(Properties.FunctionName));
  }
  expect(aliases.map(({ id }) => nameOf(id)).toSorted()).toEqual([
    "Calls",
    "OAuth",
    "Prober",
    "Status",
    "Token",
    "TokenRotation",
  ]);
});

test("The gateway and the schedules invoke the alias, and may", () => {
  const integrations = ofType("AWS::ApiGatewayV2::Integration");
  const invoked = [
    ...integrations.map(({ Properties }) => Properties.IntegrationUri as unknown),
    ...ofType("AWS::Scheduler::Schedule").map(({ Properties }) => Properties.Target.Arn as unknown),
  ].map(render);
  const permitted = ofType("AWS::Lambda::Permission")
    .filter(({ Properties }) => Properties.Principal === "apigateway.amazonaws.com")
    .map(({ Properties }) => render(Properties.FunctionName));

  expect(sortedUnique(invoked)).toEqual(aliases.map(ref).toSorted());
  expect(new Set(integrations.map(({ Properties }) => Properties.PayloadFormatVersion))).toEqual(new Set(["2.0"]));
  expect(sortedUnique(permitted)).toEqual(["Calls", "OAuth", "Status", "Token"].map((name) => ref(aliasOf(name))));
});

test("The gateway may invoke an alias before an integration names it, and the scheduler before a schedule does", () => {
  const permissions = ofType("AWS::Lambda::Permission").filter(({ stack }) => stack === "Api");
  const policies = ofType("AWS::IAM::Policy").filter(({ id }) => /^(Prober)?Scheduler/.test(id));

  for (const { DependsOn } of ofType("AWS::ApiGatewayV2::Integration")) {
    expect(DependsOn).toEqual(expect.arrayContaining(permissions.map(({ id }) => id)));
  }
  expect(policies).toHaveLength(2);
  for (const { DependsOn, stack } of ofType("AWS::Scheduler::Schedule")) {
    expect(DependsOn).toContain(policies.find((policy) => policy.stack === stack)?.id);
  }
});

test("A version stays when a newer one is published, and goes with a deployment that is rolled back", () => {
  for (const version of versions) {
    expect(version.DeletionPolicy).toBe("RetainExceptOnCreate");
    expect(version.UpdateReplacePolicy).toBe("Retain");
  }
});

test("A change of the list of callers publishes a version of the function oauth, and of no other", () => {
  const another = synthesise({
    ...everything,
    callers: [...everything.callers, { ...keyCaller, name: "second", keySha256: ["1".repeat(64)] }],
  });
  const before = new Set(versions.map(({ id }) => id));
  const published = another.ofType("AWS::Lambda::Version").filter(({ id }) => !before.has(id));

  expect(published.map(({ id }) => nameOf(id))).toEqual(["OAuth"]);
});

test("With all-at-once, the default, no resource of CodeDeploy and no alarm is in the stack Api", () => {
  const plain = synthesise({ callers: [keyCaller] }).resources;

  expect(plain.filter(({ Type, stack }) => /CodeDeploy/.test(Type) || (stack === "Api" && /Alarm/.test(Type)))).toEqual(
    [],
  );
  expect(JSON.stringify(plain)).not.toContain("UpdatePolicy");
});

test("With canary, CodeDeploy moves the aliases of token, oauth and calls in two steps, back if an alarm starts", () => {
  const groups = ofType("AWS::CodeDeploy::DeploymentGroup");
  const guards = ofType("AWS::CloudWatch::Alarm").filter(({ stack }) => stack === "Api");
  const moved = (aliases as (Resource & { UpdatePolicy?: object })[]).filter(({ UpdatePolicy }) => UpdatePolicy);

  expect(moved.map(({ id }) => nameOf(id)).toSorted()).toEqual(["Calls", "OAuth", "Token"]);
  expect(groups).toHaveLength(3);
  for (const { Properties } of groups) {
    expect(Properties.DeploymentConfigName).toBe("CodeDeployDefault.LambdaCanary10Percent5Minutes");
    expect(Properties.AutoRollbackConfiguration.Events).toEqual(
      expect.arrayContaining(["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"]),
    );
    const watched = Properties.AlarmConfiguration.Alarms.map(({ Name }: { Name: unknown }) => render(Name));
    expect(watched.toSorted()).toEqual(guards.map(ref).toSorted());
  }
});

test("CodeDeploy may move the aliases of token, oauth and calls and read alarms, and nothing else", () => {
  const [role, ...others] = ofType("AWS::IAM::Role").filter(({ Properties }) =>
    JSON.stringify(Properties.AssumeRolePolicyDocument).includes("codedeploy"),
  );
  const functions = ofType("AWS::Lambda::Function").filter(({ id }) =>
    ["Calls", "OAuth", "Token"].includes(nameOf(id)),
  );
  const arns = functions.map(({ id }) => `\${${id}.Arn}`);
  const statements = role?.Properties.Policies[0].PolicyDocument.Statement.map(
    ({ Resource: on, ...rest }: { Resource: unknown }) => ({
      ...rest,
      on: [on].flat().map(render).toSorted(),
    }),
  );

  expect(others).toEqual([]);
  expect(role?.Properties.ManagedPolicyArns).toBeUndefined();
  expect(JSON.stringify(ofType("AWS::IAM::Policy"))).not.toContain(`"${role?.id}"`);
  expect(statements).toEqual([
    {
      Effect: "Allow",
      Action: ["lambda:GetAlias", "lambda:GetProvisionedConcurrencyConfig", "lambda:UpdateAlias"],
      on: arns.flatMap((arn) => [arn, `${arn}:live`]).toSorted(),
    },
    { Effect: "Allow", Action: "cloudwatch:DescribeAlarms", on: ["*"] },
  ]);
});

test("The alarms of a rollback watch the metrics of token, oauth and calls, those of Lambda only for the new version, and notify no one", () => {
  const guards = ofType("AWS::CloudWatch::Alarm").filter(({ stack }) => stack === "Api");
  const watched = guards.map((alarm) => [
    alarm.Properties.AlarmName,
    sortedUnique(
      metricsOfAlarm(alarm, canary).map(({ name, dimensions }) => `${name} ${dimensions["service"] ?? "new"}`),
    ),
  ]);
  const errors = guards.flatMap((alarm) => metricsOfAlarm(alarm, canary)).filter(({ name }) => name === "Errors");

  expect(Object.fromEntries(watched)).toEqual({
    "smart-token-broker-dev-rollback-validity-objective": ["ValidityMissed oauth", "ValidityMissed token"],
    "smart-token-broker-dev-rollback-errors": ["Requests calls", "Requests oauth", "Requests token"],
    "smart-token-broker-dev-rollback-internal-errors": ["Bugs calls", "Bugs oauth", "Bugs token", "Errors new"],
  });
  expect(sortedUnique(errors.map(({ dimensions }) => dimensions["ExecutedVersion"] ?? ""))).toEqual(
    ["Calls", "OAuth", "Token"].map((name) => render(aliasOf(name)?.Properties.FunctionVersion)).toSorted(),
  );
  for (const { dimensions } of errors) expect(dimensions["Resource"]).toBe(`${dimensions["FunctionName"]}:live`);
  for (const { Properties } of guards) {
    expect([Properties.AlarmActions, Properties.OKActions]).toEqual([undefined, undefined]);
  }
});
