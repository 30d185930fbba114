import { randomUUID } from "node:crypto";
import type { RotateSecretRequest, SecretsManager } from "@aws-sdk/client-secrets-manager";
import { beforeEach, describe, expect, it } from "vitest";
import { type Emulator, startWithClient } from "./secrets-manager-client.ts";

const RotationLambdaARN = "arn:aws:lambda:eu-south-1:000000000000:function:rotate";
const RotationRules = { AutomaticallyAfterDays: 90 };
const SecretId = "broker/one";
const NOW = 1_790_000_000;

let emulator: Emulator;
let client: SecretsManager;
let first: string;
let steps: string[];
let invoked: () => Promise<void>;

beforeEach(async () => {
  [steps, first, invoked] = [[], randomUUID(), async () => undefined];
  const started = await startWithClient({
    clock: { now: () => NOW },
    invokeRotation: (_functionArn, { Step }) => {
      steps.push(Step);
      return invoked();
    },
  });
  ({ emulator, client } = started);
  await client.createSecret({ Name: SecretId, SecretString: "fake-key-1", ClientRequestToken: first });
  return started.close;
});

const fail = () => Promise.reject(new Error("The function failed."));
const configure = async (request: Partial<RotateSecretRequest> = {}) => {
  await client.rotateSecret({ SecretId, RotationLambdaARN, RotationRules, RotateImmediately: false, ...request });
  await emulator.rotationsSettled();
};
const described = () => client.describeSecret({ SecretId });

describe("configuring a rotation for later", () => {
  it("runs testSecret alone, on an empty AWSPENDING version that is removed afterwards", async () => {
    const token = randomUUID();
    let seen: unknown;
    invoked = async () => {
      seen = (await described()).VersionIdsToStages;
    };

    await configure({ ClientRequestToken: token });

    const removed = client.getSecretValue({ SecretId, VersionId: token });
    expect(steps).toEqual(["testSecret"]);
    expect(seen).toEqual({ [first]: ["AWSCURRENT"], [token]: ["AWSPENDING"] });
    await expect(removed).rejects.toMatchObject({ name: "ResourceNotFoundException" });
    expect(await described()).toMatchObject({
      RotationEnabled: true,
      RotationLambdaARN,
      RotationRules,
      VersionIdsToStages: { [first]: ["AWSCURRENT"] },
    });
  });

  it("stays in place if the test fails, and the test is not retried", async () => {
    invoked = fail;

    await configure();

    expect(steps).toEqual(["testSecret"]);
    expect(await described()).toMatchObject({
      RotationEnabled: true,
      VersionIdsToStages: { [first]: ["AWSCURRENT"] },
    });
  });

  it("never takes a version that has a value for its test", async () => {
    const call = await configure({ ClientRequestToken: first }).catch((error: unknown) => error);

    expect(call).toMatchObject({ name: "ResourceExistsException" });
    expect(await client.getSecretValue({ SecretId })).toMatchObject({ SecretString: "fake-key-1" });
  });

  it.each([
    ["ValidationException", { AutomaticallyAfterDays: 0 }],
    ["ValidationException", { AutomaticallyAfterDays: 1001 }],
    ["InvalidParameterException", { AutomaticallyAfterDays: 1, Duration: "2h" }],
    ["InvalidParameterException", { ScheduleExpression: "rate(10 days)" }],
    ["InvalidParameterException", {}],
  ])("answers %s to the rules %j", async (name, rules) => {
    const call = configure({ RotationRules: rules });

    await expect(call).rejects.toMatchObject({ name });
    expect((await described()).RotationLambdaARN).toBeUndefined();
  });

  it("requires a function, given now or before", async () => {
    const untold = client.rotateSecret({ SecretId });
    await expect(untold).rejects.toMatchObject({
      name: "InvalidRequestException",
      message: "No Lambda rotation function ARN is associated with this secret.",
    });

    await configure();
    await client.rotateSecret({ SecretId, RotateImmediately: false });
    await emulator.rotationsSettled();

    expect(steps).toEqual(["testSecret", "testSecret"]);
  });

  it("is rejected for a secret scheduled for deletion, and if no function may be invoked", async () => {
    const { client: other, close } = await startWithClient({ clock: { now: () => NOW } });
    await other.createSecret({ Name: "one", SecretString: "fake-key-1" });
    await client.deleteSecret({ SecretId });

    const deleted = await configure().catch((error: unknown) => error);
    const forbidden = await other.rotateSecret({ SecretId: "one", RotationLambdaARN }).catch((error: unknown) => error);

    expect(deleted).toMatchObject({ name: "InvalidRequestException" });
    expect(forbidden).toMatchObject({
      name: "AccessDeniedException",
      message: expect.stringContaining("cannot invoke the specified Lambda function"),
    });
    expect((await other.describeSecret({ SecretId: "one" })).RotationEnabled).toBe(false);
    await close();
  });
});
