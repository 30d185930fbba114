import { randomUUID } from "node:crypto";
import type { SecretsManager } from "@aws-sdk/client-secrets-manager";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { RotationEvent } from "../../local/secrets-manager/rotations.ts";
import { type Emulator, rotate, startWithClient } from "./secrets-manager-client.ts";

const RotationLambdaARN = "arn:aws:lambda:eu-south-1:000000000000:function:rotate";
const STEPS = ["createSecret", "setSecret", "testSecret", "finishSecret"];
const SecretId = "broker/one";

let now: number;
let emulator: Emulator;
let client: SecretsManager;
let first: string;
/** What the rotation function was invoked with. */
let events: RotationEvent[];
/** What the function does wrong at a step. */
let instead: Partial<Record<string, (event: RotationEvent) => unknown>>;
let waits: number[];

beforeEach(async () => {
  [now, events, instead, waits, first] = [1_790_000_000, [], {}, [], randomUUID()];
  const started = await startWithClient({
    clock: { now: () => now },
    sleep: async (seconds) => waits.push(seconds),
    invokeRotation: async (functionArn, event) => {
      expect(functionArn).toBe(RotationLambdaARN);
      events.push(event);
      await (instead[event.Step] ?? ((each) => rotate(client, each)))(event);
    },
  });
  ({ emulator, client } = started);
  await client.createSecret({ Name: SecretId, SecretString: "fake-key-1", ClientRequestToken: first });
  return started.close;
});

const fail = () => Promise.reject(new Error("The function failed."));
const start = (ClientRequestToken = randomUUID()) =>
  client.rotateSecret({ SecretId, ClientRequestToken, RotationLambdaARN });
const describeSecret = () => client.describeSecret({ SecretId });
const stages = async () => (await describeSecret()).VersionIdsToStages;
const steps = () => events.map(({ Step }) => Step);
const unfinished = {
  name: "InvalidRequestException",
  message: "A previous rotation isn't complete. That rotation will be reattempted.",
};

describe("a rotation", () => {
  it("invokes the function for the four steps in order, with the complete ARN and the token", async () => {
    const token = randomUUID();

    const answer = await start(token);
    await emulator.rotationsSettled();

    const { ARN } = await describeSecret();
    expect(answer).toMatchObject({ ARN, Name: SecretId, VersionId: token });
    expect(events).toEqual(STEPS.map((Step) => ({ Step, SecretId: ARN, ClientRequestToken: token })));
    expect(await client.getSecretValue({ SecretId })).toMatchObject({ SecretString: "fake-key-2", VersionId: token });
    expect(await stages()).toEqual({ [first]: ["AWSPREVIOUS"], [token]: ["AWSCURRENT", "AWSPENDING"] });
    expect(waits).toEqual([]);
  });

  it("is accepted before its first step has ended", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    instead["createSecret"] = () => promise;

    await start();
    await vi.waitFor(() => expect(steps()).toEqual(["createSecret"]));
    const described = await describeSecret();
    resolve();

    expect(described.RotationEnabled).toBe(true);
    expect(described.LastRotatedDate).toBeUndefined();
  });

  it("makes an empty version under AWSPENDING before createSecret", async () => {
    const token = randomUUID();
    let seen: unknown;
    instead["createSecret"] = async (event) => {
      const read = client.getSecretValue({ SecretId, VersionStage: "AWSPENDING" });
      const refused = await read.catch((error: Error) => error.name);
      seen = [await stages(), refused];
      now += 60;
      await rotate(client, event);
    };

    await start(token);
    await emulator.rotationsSettled();

    expect(seen).toEqual([{ [first]: ["AWSCURRENT"], [token]: ["AWSPENDING"] }, "ResourceNotFoundException"]);
    expect((await client.getSecretValue({ SecretId })).CreatedDate).toEqual(new Date((now - 60) * 1000));
  });

  it("takes AWSPENDING from the version of the previous rotation", async () => {
    const token = randomUUID();
    const next = randomUUID();
    await start(token);
    await emulator.rotationsSettled();
    instead["createSecret"] = fail;

    await start(next);
    await emulator.rotationsSettled();

    expect(await stages()).toEqual({ [first]: ["AWSPREVIOUS"], [token]: ["AWSCURRENT"], [next]: ["AWSPENDING"] });
  });
});

describe("a step that fails", () => {
  it("makes the whole rotation retry with the same token", async () => {
    const token = randomUUID();
    instead["testSecret"] = () => {
      delete instead["testSecret"];
      return fail();
    };

    await start(token);
    await emulator.rotationsSettled();

    expect(steps()).toEqual([...STEPS.slice(0, 3), ...STEPS]);
    expect(new Set(events.map(({ ClientRequestToken }) => ClientRequestToken))).toEqual(new Set([token]));
    expect(waits).toEqual([5]);
    expect((await stages())?.[token]).toContain("AWSCURRENT");
  });

  it("that keeps failing stops the rotation after three retries at growing distances, with the labels as they are", async () => {
    const token = randomUUID();
    instead["testSecret"] = fail;

    await start(token);
    await emulator.rotationsSettled();

    expect(steps()).toEqual(Array.from({ length: 4 }, () => STEPS.slice(0, 3)).flat());
    expect(waits).toEqual([5, 15, 45]);
    expect(await stages()).toEqual({ [first]: ["AWSCURRENT"], [token]: ["AWSPENDING"] });
    expect((await describeSecret()).LastRotatedDate).toBeUndefined();
  });

  it("may have removed AWSPENDING, and nothing restores it", async () => {
    instead["createSecret"] = async ({ ClientRequestToken }) => {
      if (steps().length === 1) {
        const VersionStage = "AWSPENDING";
        await client.updateSecretVersionStage({ SecretId, VersionStage, RemoveFromVersionId: ClientRequestToken });
      }
      await fail();
    };

    await start();
    await emulator.rotationsSettled();

    expect(steps()).toHaveLength(4);
    expect(await stages()).toEqual({ [first]: ["AWSCURRENT"] });
  });

  it("is also one that succeeds without a value, or without moving AWSCURRENT", async () => {
    instead["createSecret"] = () => undefined;
    const valueless = randomUUID();
    await start(valueless);
    await emulator.rotationsSettled();
    const withoutValue = steps();
    delete instead["createSecret"];
    instead["finishSecret"] = () => undefined;
    events = [];

    await start(valueless);
    await emulator.rotationsSettled();

    expect(withoutValue).toEqual(Array.from({ length: 4 }, () => "createSecret"));
    expect(steps()).toEqual(Array.from({ length: 4 }, () => STEPS).flat());
    expect((await describeSecret()).LastRotatedDate).toBeUndefined();
  });
});

describe("an unfinished rotation", () => {
  const token = randomUUID();
  beforeEach(async () => {
    instead["testSecret"] = fail;
    await start(token);
    await emulator.rotationsSettled();
    instead = {};
    events = [];
  });

  it("rejects another rotation, immediate or not", async () => {
    const immediate = await start().catch((error: unknown) => error);
    const later = await client.rotateSecret({ SecretId, RotateImmediately: false }).catch((error: unknown) => error);

    expect(immediate).toMatchObject(unfinished);
    expect(later).toMatchObject(unfinished);
    expect(events).toEqual([]);
  });

  it("is resumed, from the first step, by the same token", async () => {
    now += 60;

    await start(token);
    await emulator.rotationsSettled();

    expect(steps()).toEqual(STEPS);
    expect((await describeSecret()).LastRotatedDate).toEqual(new Date(now * 1000));
  });

  it("does not block once its AWSPENDING is removed, but its token stays used", async () => {
    const version = { VersionStage: "AWSPENDING", RemoveFromVersionId: token };
    await client.updateSecretVersionStage({ SecretId, ...version });

    const used = start(token);
    await expect(used).rejects.toMatchObject({ name: "ResourceExistsException" });
    await start();
    await emulator.rotationsSettled();

    expect(steps()).toEqual(STEPS);
  });
});

describe("a running rotation", () => {
  it("starts again with the same token after its current step, and never runs twice at once", async () => {
    const token = randomUUID();
    const { promise, resolve } = Promise.withResolvers<void>();
    instead["setSecret"] = () => promise;
    await start(token);
    await vi.waitFor(() => expect(steps()).toEqual(["createSecret", "setSecret"]));

    await start(token);
    const before = steps();
    resolve();
    await emulator.rotationsSettled();

    expect(before).toEqual(["createSecret", "setSecret"]);
    expect(steps()).toEqual(["createSecret", "setSecret", ...STEPS]);
  });
});
