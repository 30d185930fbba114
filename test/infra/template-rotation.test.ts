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
const permission = ofType("AWS::Lambda::Permission").find(
  ({ Properties }) => Properties.Principal === "secretsmanager.amazonaws.com",
);

test("each shard has a schedule of a minute, which tries once and lets go of what is stale", () => {
  const targets = ofType("AWS::Scheduler::Schedule").map(({ Properties }) => ({
    every: Properties.ScheduleExpression,
    arn: render(Properties.Target.Arn),
    input: JSON.parse(Properties.Target.Input),
    retries: Properties.Target.RetryPolicy,
  }));

  expect(targets).toEqual(
    [0, 1, 2].map((shard) => ({
      every: "rate(1 minute)",
      arn: functionArn(/^TokenRotation/),
      input: { shard, shards: 3 },
      retries: { MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 60 },
    })),
  );
});

test("Lambda, too, tries a sweep once, and keeps its event for a minute", () => {
  const [config, ...others] = ofType("AWS::Lambda::EventInvokeConfig");

  expect(others).toEqual([]);
  expect(`\${${render(config?.Properties.FunctionName).slice(2, -1)}.Arn}`).toBe(functionArn(/^TokenRotation/));
  expect(config?.Properties).toMatchObject({ MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 60 });
});

test("each of the stack's secrets is rotated by the one function, as often as the setting says, and not by deploying", () => {
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

test("a rotation is switched on only once the function may be invoked and may do its work: that runs a test step", () => {
  const policies = ofType("AWS::IAM::Policy").filter(({ id }) => id.startsWith("KeyRotation"));

  expect(policies).not.toHaveLength(0);
  for (const { DependsOn } of ofType("AWS::SecretsManager::RotationSchedule")) {
    expect(DependsOn).toEqual(expect.arrayContaining([permission?.id, ...policies.map(({ id }) => id)]));
  }
});

test("Secrets Manager may invoke the function, in the name of this account only", () => {
  expect(render(permission?.Properties.FunctionName)).toBe(functionArn(/^KeyRotation/));
  expect(permission?.Properties.Action).toBe("lambda:InvokeFunction");
  expect(render(permission?.Properties.SourceAccount)).toBe("${AWS::AccountId}");
});

test("without a rotation of keys nothing is scheduled, and an operator can still start one", () => {
  const off = synthesise({ rotateApiKeysEveryDays: 0 });

  expect(off.ofType("AWS::SecretsManager::RotationSchedule")).toEqual([]);
  expect(off.ofType("AWS::Lambda::Permission").map(({ Properties }) => Properties.Principal)).toContain(
    "secretsmanager.amazonaws.com",
  );
});

test("events of keys have a rule that waits for a target, for this stage only", () => {
  expect(ofType("AWS::Events::Rule").map(({ Properties }) => Properties)).toEqual([
    expect.objectContaining({
      EventPattern: { source: ["smart-token-broker"], detail: { stage: ["dev"] } },
      State: "ENABLED",
    }),
  ]);
  expect(ofType("AWS::Events::Rule")[0]?.Properties).not.toHaveProperty("Targets");
});
