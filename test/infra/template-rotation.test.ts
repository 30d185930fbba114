import { expect, test } from "vitest";
import { synthesise } from "./synth.ts";

const { ofType, render } = synthesise({
  connections: ["webapicorso", "second"],
  shards: 3,
  rotateApiKeysEveryDays: 30,
});
const functionArn = (name: RegExp) => {
  const fn = ofType("AWS::Lambda::Function").find(({ id }) => name.test(id));
  return `\${${fn?.id}.Arn}`;
};
const sweepAlias = ofType("AWS::Lambda::Alias").find(({ id }) => id.startsWith("TokenRotation"));
const permission = ofType("AWS::Lambda::Permission").find(
  ({ Properties }) => Properties.Principal === "secretsmanager.amazonaws.com",
);

test("Each shard has a schedule that invokes the sweep every minute, once, within the minute", () => {
  const targets = ofType("AWS::Scheduler::Schedule").map(({ Properties }) => ({
    every: Properties.ScheduleExpression,
    arn: render(Properties.Target.Arn),
    input: JSON.parse(Properties.Target.Input),
    retries: Properties.Target.RetryPolicy,
  }));

  expect(targets).toEqual(
    [0, 1, 2].map((shard) => ({
      every: "rate(1 minute)",
      arn: `\${${sweepAlias?.id}}`,
      input: { shard, shards: 3 },
      retries: { MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 60 },
    })),
  );
});

test("Lambda invokes a sweep once, within a minute, and sends a failure to the dead-letter queue", () => {
  const [config, ...others] = ofType("AWS::Lambda::EventInvokeConfig");

  expect(others).toEqual([]);
  expect(`\${${render(config?.Properties.FunctionName).slice(2, -1)}.Arn}`).toBe(functionArn(/^TokenRotation/));
  expect(config?.Properties).toMatchObject({
    MaximumRetryAttempts: 0,
    MaximumEventAgeInSeconds: 60,
  });
  // The CDK writes the alias's name as the end of its ARN.
  expect(JSON.stringify(config?.Properties.Qualifier)).toContain(`"Ref":"${sweepAlias?.id}"`);
  expect(render(config?.Properties.DestinationConfig.OnFailure.Destination)).toBe(
    `\${${ofType("AWS::SQS::Queue")[0]?.id}.Arn}`,
  );
});

test("Secrets Manager rotates each secret of the stack as often as the setting says, and not because of a deployment", () => {
  const schedules = ofType("AWS::SecretsManager::RotationSchedule").map(({ Properties }) => Properties);

  expect(schedules.map(({ SecretId }) => render(SecretId))).toEqual([
    "smart-token-broker/dev/webapicorso",
    "smart-token-broker/dev/second",
  ]);
  for (const { RotationLambdaARN, RotationRules, RotateImmediatelyOnUpdate } of schedules) {
    expect(render(RotationLambdaARN)).toBe(functionArn(/^KeyRotation/));
    expect(RotationRules).toEqual({ AutomaticallyAfterDays: 30 });
    expect(RotateImmediatelyOnUpdate).toBe(false);
  }
});

test("A rotation schedule waits for the function's permissions, because Secrets Manager then invokes a test step", () => {
  const policies = ofType("AWS::IAM::Policy").filter(({ id }) => id.startsWith("KeyRotation"));

  expect(policies).not.toHaveLength(0);
  for (const { DependsOn } of ofType("AWS::SecretsManager::RotationSchedule")) {
    expect(DependsOn).toEqual(expect.arrayContaining([permission?.id, ...policies.map(({ id }) => id)]));
  }
});

test("CloudFormation creates at most five rotation schedules at once, because each invokes the function and small accounts have ten executions", () => {
  const ids = Array.from({ length: 12 }, (_, index) => `c${index}`);
  const all = synthesise({ connections: ids }).ofType("AWS::SecretsManager::RotationSchedule");
  const isSchedule = (id: string) => all.some((each) => each.id === id);
  const waves = new Map<string, number>();
  for (const { id, DependsOn = [] } of all) {
    const earlier = [DependsOn].flat().filter(isSchedule);
    waves.set(id, 1 + Math.max(0, ...earlier.map((each) => waves.get(each) ?? Infinity)));
  }

  // A chain for each of five: the next is created as soon as one before it is there.
  expect([...waves.values()]).toEqual([1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3]);
  expect(all.map(({ DependsOn }) => [DependsOn].flat().filter((id) => isSchedule(id ?? "")).length)).toEqual(
    ids.map((_, index) => (index < 5 ? 0 : 1)),
  );
});

test("Secrets Manager may invoke the key-rotation function for this account only", () => {
  expect(render(permission?.Properties.FunctionName)).toBe(functionArn(/^KeyRotation/));
  expect(permission?.Properties.Action).toBe("lambda:InvokeFunction");
  expect(render(permission?.Properties.SourceAccount)).toBe("${AWS::AccountId}");
});

test("rotateApiKeysEveryDays 0 schedules no rotation, and an operator can still start one", () => {
  const off = synthesise({ rotateApiKeysEveryDays: 0 });

  expect(off.ofType("AWS::SecretsManager::RotationSchedule")).toEqual([]);
  expect(off.ofType("AWS::Lambda::Permission").map(({ Properties }) => Properties.Principal)).toContain(
    "secretsmanager.amazonaws.com",
  );
});

test("The rule for events of keys matches this stage only, and has no target yet", () => {
  expect(ofType("AWS::Events::Rule").map(({ Properties }) => Properties)).toEqual([
    expect.objectContaining({
      EventPattern: { source: ["smart-token-broker"], detail: { stage: ["dev"] } },
      State: "ENABLED",
    }),
  ]);
});
