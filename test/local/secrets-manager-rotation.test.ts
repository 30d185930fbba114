import { randomUUID } from "node:crypto";
import type { RotateSecretRequest, SecretsManager } from "@aws-sdk/client-secrets-manager";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { RotationEvent } from "../../local/secrets-manager/rotations.ts";
import { type Emulator, rotate, startWithClient } from "./secrets-manager-client.ts";

const RotationLambdaARN = "arn:aws:lambda:eu-south-1:000000000000:function:rotate";
const STEPS = ["createSecret", "setSecret", "testSecret", "finishSecret"];
const SecretId = "broker/one";
const begin = 1_790_000_000;
/** A day of the schedules lasts an hour. */
const day = 3600;

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
  [now, events, instead, waits, first] = [begin, [], {}, [], randomUUID()];
  const started = await startWithClient({
    clock: { now: () => now },
    daySeconds: day,
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

const configure = async (request: Partial<RotateSecretRequest> = {}) => {
  const RotationRules = { AutomaticallyAfterDays: 90 };
  await client.rotateSecret({ SecretId, RotationLambdaARN, RotationRules, RotateImmediately: false, ...request });
  await emulator.rotationsSettled();
};

describe("configuring a rotation for later", () => {
  it("runs testSecret alone, on an empty AWSPENDING version that is removed afterwards", async () => {
    const token = randomUUID();
    let seen: unknown;
    instead["testSecret"] = async () => {
      seen = await stages();
      // It is not retried, and the rotation stays configured.
      await fail();
    };

    await configure({ ClientRequestToken: token });

    expect(steps()).toEqual(["testSecret"]);
    expect(seen).toEqual({ [first]: ["AWSCURRENT"], [token]: ["AWSPENDING"] });
    expect(await describeSecret()).toMatchObject({
      RotationEnabled: true,
      RotationLambdaARN,
      RotationRules: { AutomaticallyAfterDays: 90 },
      VersionIdsToStages: { [first]: ["AWSCURRENT"] },
    });
  });

  it("is rejected without a function, and for the version of a value", async () => {
    const refused = (call: Promise<unknown>, name: string) => expect(call).rejects.toMatchObject({ name });

    await refused(client.rotateSecret({ SecretId }), "InvalidRequestException");
    await refused(configure({ ClientRequestToken: first }), "ResourceExistsException");
    expect((await describeSecret()).RotationEnabled).toBe(false);
  });
});

describe("the schedule", () => {
  beforeEach(() => configure());

  /** The steps of the rotations that are due after so many days. */
  const after = async (days: number, seconds = 0) => {
    now = begin + days * day + seconds;
    events = [];
    emulator.rotateDue();
    await emulator.rotationsSettled();
    return events.length;
  };
  const dateAfter = (days: number) => new Date((begin + days * day) * 1000);

  it("rotates when its days have passed since the last rotation, and not before", async () => {
    expect([await after(90, -1), await after(90)]).toEqual([0, 4]);
    expect(await describeSecret()).toMatchObject({ LastRotatedDate: dateAfter(90), NextRotationDate: dateAfter(180) });
    expect(await after(180, -1)).toBe(0);
  });

  it("counts a value stored by hand as a rotation, and keeps its start when it is configured again", async () => {
    now = begin + 50 * day;
    await configure({ RotationRules: { AutomaticallyAfterDays: 60 } });
    expect((await describeSecret()).NextRotationDate).toEqual(dateAfter(60));

    await client.putSecretValue({ SecretId, SecretString: "fake-key-3" });

    expect((await describeSecret()).NextRotationDate).toEqual(dateAfter(110));
    expect(await after(110, -1)).toBe(0);
  });

  it("retries a failed rotation a day later, but no unfinished one, and none of a deleted secret", async () => {
    const VersionStage = "AWSPENDING";
    instead["createSecret"] = async ({ ClientRequestToken }) => {
      if (events.length === 1) {
        await client.updateSecretVersionStage({ SecretId, VersionStage, RemoveFromVersionId: ClientRequestToken });
      }
      await fail();
    };
    expect(await after(90)).toBe(4);
    instead = { testSecret: fail };
    expect([await after(91, -1), await after(91)]).toEqual([0, 12]);
    expect(await after(95)).toBe(0);

    const [pending] = Object.entries((await stages()) ?? {}).find(([, labels]) => labels.includes(VersionStage)) ?? [];
    await client.updateSecretVersionStage({ SecretId, VersionStage, RemoveFromVersionId: pending });
    await client.deleteSecret({ SecretId });
    expect(await after(100)).toBe(0);
    await client.restoreSecret({ SecretId });
    expect(await after(100)).toBe(12);
  });
});
