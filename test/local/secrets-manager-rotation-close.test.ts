import { randomUUID } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { expect, it } from "vitest";
import { startSecretsManager } from "../../local/secrets-manager/server.ts";

const SecretId = "broker/one";
const RotationLambdaARN = "arn:aws:lambda:eu-south-1:000000000000:function:rotate";
const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;

it("close ends a rotation that waits for its retry, and leaves no timer", async () => {
  let attempts = 0;
  const emulator = await startSecretsManager({
    clock: { now: () => 1_790_000_000 },
    region: "eu-south-1",
    accountId: "000000000000",
    invokeRotation: () => {
      attempts += 1;
      return Promise.reject(new Error("The function failed."));
    },
  });
  emulator.store.createSecret({ Name: SecretId });
  const before = timers();
  emulator.store.rotations.rotateSecret({ SecretId, RotationLambdaARN, ClientRequestToken: randomUUID() });
  await setImmediate();
  const waiting = timers();

  await emulator.close();
  await emulator.rotationsSettled();

  expect(waiting).toBe(before + 1);
  expect(timers()).toBe(before);
  expect(attempts).toBe(1);
});

it("close does not wait for a running step, and starts no step after it", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const steps: string[] = [];
  const emulator = await startSecretsManager({
    clock: { now: () => 1_790_000_000 },
    region: "eu-south-1",
    accountId: "000000000000",
    invokeRotation: (_functionArn, { Step, ClientRequestToken }) => {
      steps.push(Step);
      emulator.store.putSecretValue({ SecretId, ClientRequestToken, SecretString: "fake-key-1" });
      return promise;
    },
  });
  emulator.store.createSecret({ Name: SecretId });
  emulator.store.rotations.rotateSecret({ SecretId, RotationLambdaARN, ClientRequestToken: randomUUID() });
  await setImmediate();

  await emulator.close();
  resolve();
  await emulator.rotationsSettled();

  expect(steps).toEqual(["createSecret"]);
});
