import { randomUUID } from "node:crypto";
import type { RotateSecretRequest, SecretsManager } from "@aws-sdk/client-secrets-manager";
import { beforeEach, describe, expect, it } from "vitest";
import type { RotationEvent } from "../../local/secrets-manager/rotations.ts";
import { type Emulator, rotate, startWithClient } from "./secrets-manager-client.ts";

const RotationLambdaARN = "arn:aws:lambda:eu-south-1:000000000000:function:rotate";
const SecretId = "broker/one";
const START = 1_790_000_000;
// A day of these schedules lasts an hour.
const DAY = 3600;
const RotationRules = { AutomaticallyAfterDays: 90 };
const date = (instant: number) => new Date(instant * 1000);

let now: number;
let emulator: Emulator;
let client: SecretsManager;
let first: string;
let steps: string[];
let invoked: (event: RotationEvent) => unknown;
let sleep: () => Promise<unknown>;

beforeEach(async () => {
  [now, steps, first, invoked] = [START, [], randomUUID(), succeed];
  sleep = async () => undefined;
  const started = await startWithClient({
    clock: { now: () => now },
    daySeconds: DAY,
    sleep: () => sleep(),
    invokeRotation: async (_functionArn, event) => {
      steps.push(event.Step);
      await invoked(event);
    },
  });
  ({ emulator, client } = started);
  await client.createSecret({ Name: SecretId, SecretString: "fake-key-1", ClientRequestToken: first });
  return started.close;
});

const succeed = (event: RotationEvent) => rotate(client, event);
const removePending = (RemoveFromVersionId: string | undefined) =>
  client.updateSecretVersionStage({ SecretId, VersionStage: "AWSPENDING", RemoveFromVersionId });
const fail = () => Promise.reject(new Error("The function failed."));
const configure = async (request: Partial<RotateSecretRequest> = {}) => {
  await client.rotateSecret({ SecretId, RotationLambdaARN, RotationRules, RotateImmediately: false, ...request });
  await emulator.rotationsSettled();
};
const described = () => client.describeSecret({ SecretId });
const tick = async (instant: number) => {
  now = instant;
  steps = [];
  emulator.rotateDue();
  await emulator.rotationsSettled();
  return steps.length;
};

describe("the schedule", () => {
  beforeEach(() => configure());

  it("rotates when its days have passed since the last rotation, and not before", async () => {
    const early = await tick(START + 90 * DAY - 1);
    const due = await tick(START + 90 * DAY);
    const answer = await described();
    const afterwards = await tick(START + 180 * DAY - 1);

    expect([early, due, afterwards]).toEqual([0, 4, 0]);
    expect(answer.LastRotatedDate).toEqual(date(START + 90 * DAY));
    expect(answer.NextRotationDate).toEqual(date(START + 180 * DAY));
    expect(await client.getSecretValue({ SecretId })).toMatchObject({ SecretString: "fake-key-2" });
  });

  it("counts a value stored by hand as a rotation, but not as its date", async () => {
    now = START + 50 * DAY;
    await client.putSecretValue({ SecretId, SecretString: "fake-key-3" });

    const due = await tick(START + 90 * DAY);
    const answer = await described();

    expect(due).toBe(0);
    expect(answer.NextRotationDate).toEqual(date(START + 140 * DAY));
    expect(answer.LastRotatedDate).toBeUndefined();
  });

  it("keeps its next date when it is configured again", async () => {
    now = START + 50 * DAY;

    await configure({ RotationRules: { AutomaticallyAfterDays: 60 } });

    expect((await described()).NextRotationDate).toEqual(date(START + 60 * DAY));
  });

  it("does not touch a rotation that waits for its retry", async () => {
    const [waiting, over] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const tokens = new Set<string>();
    sleep = () => {
      waiting.resolve();
      return over.promise;
    };
    invoked = ({ ClientRequestToken }) => {
      tokens.add(ClientRequestToken);
      return removePending(ClientRequestToken).then(fail);
    };
    now = START + 90 * DAY;
    emulator.rotateDue();
    await waiting.promise;

    now += DAY;
    emulator.rotateDue();
    over.resolve();
    await emulator.rotationsSettled();

    expect(tokens.size).toBe(1);
  });

  it("retries a failed rotation a day later, with its date in the past", async () => {
    invoked = ({ ClientRequestToken }) => removePending(ClientRequestToken).then(fail);
    await tick(START + 90 * DAY);
    invoked = succeed;

    const soon = await tick(START + 91 * DAY - 1);
    const { NextRotationDate } = await described();
    const later = await tick(START + 91 * DAY);

    expect(NextRotationDate).toEqual(date(START + 90 * DAY));
    expect([soon, later]).toEqual([0, 4]);
  });

  it("does not touch an unfinished rotation or a secret scheduled for deletion", async () => {
    invoked = fail;
    await tick(START + 90 * DAY);
    const unfinished = await tick(START + 95 * DAY);
    const pending = Object.keys((await described()).VersionIdsToStages ?? {}).find((id) => id !== first);
    await removePending(pending);
    await client.deleteSecret({ SecretId });
    const deleted = await tick(START + 100 * DAY);
    await client.restoreSecret({ SecretId });
    const restored = await tick(START + 100 * DAY);

    expect([unfinished, deleted]).toEqual([0, 0]);
    expect(restored).toBeGreaterThan(0);
  });
});
