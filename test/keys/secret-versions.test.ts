import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { secretVersions } from "../../functions/auth-core/adapters/secrets-manager.ts";
import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import { type SecretsManager, startSecretsManager } from "../../local/secrets-manager/server.ts";
import { emulatorConfig } from "../../fixtures/aws.ts";
import { connectionId } from "../../fixtures/registration.ts";
import { serve } from "../support/server.ts";
import { functionArn } from "../support/operator.ts";

const now = 1_800_000_000;
const day = 86_400;
const secretId = "smart-token-broker/test/webapicorso";
let emulator: SecretsManager;
let secrets: ReturnType<typeof secretVersions>;
let first: string;

beforeEach(async () => {
  const invokeRotation = async () => {};
  const place = { region: "eu-south-1", accountId: "000000000000" };
  emulator = await startSecretsManager({ clock: { now: () => now }, invokeRotation, ...place });
  secrets = secretVersions("smart-token-broker/test", emulatorConfig(emulator.url));
  first = randomUUID();
  emulator.store.createSecret({ Name: secretId, SecretString: "fake-key-1", ClientRequestToken: first });
});
afterEach(() => emulator.close());

/** Stores a value under labels. Returns the version. */
function put(value: string, ...VersionStages: string[]): string {
  const version = randomUUID();
  emulator.store.putSecretValue({
    SecretId: secretId,
    SecretString: value,
    ClientRequestToken: version,
    VersionStages,
  });
  return version;
}

it("idOf is the name of a connection's secret, below the prefix", () => {
  expect(secrets.idOf(connectionId("webapicorso"))).toBe(secretId);
});

describe("describe", () => {
  it("returns every version with its labels, and the instants of the rotation", async () => {
    const next = put("fake-key-2", "NEXT", "OTHER");
    put("fake-key-3", "TEMPORARY");
    put("fake-key-4", "TEMPORARY");
    emulator.store.rotations.rotateSecret({
      SecretId: secretId,
      ClientRequestToken: randomUUID(),
      RotationLambdaARN: functionArn,
      RotationRules: { AutomaticallyAfterDays: 90 },
      RotateImmediately: false,
    });
    await emulator.rotationsSettled();

    const description = await secrets.describe(secretId);

    expect(description).toMatchObject({
      rotationEnabled: true,
      nextRotationAt: now + 90 * day,
      lastChangedAt: now,
    });
    expect(description?.labels.get(first)).toEqual(["AWSCURRENT"]);
    expect(description?.labels.get(next)).toEqual(["NEXT", "OTHER"]);
    expect(description?.labels.size).toBe(3);
  });

  it("returns no labels and no rotation if there are none", async () => {
    emulator.store.createSecret({ Name: `${secretId}-empty` });

    expect(await secrets.describe(`${secretId}-empty`)).toEqual({
      labels: new Map(),
      rotationEnabled: false,
      lastChangedAt: now,
    });
  });

  it("returns nothing for a secret that does not exist or is scheduled for deletion", async () => {
    emulator.store.deleteSecret({ SecretId: secretId });

    expect(await secrets.describe(secretId)).toBeUndefined();
    expect(await secrets.describe(`${secretId}-other`)).toBeUndefined();
  });
});

describe("read", () => {
  it("returns the value of a version or of a label", async () => {
    const next = put("fake-key-2", "NEXT");

    expect(await secrets.read(secretId, { version: next })).toBe("fake-key-2");
    expect(await secrets.read(secretId, { label: "NEXT" })).toBe("fake-key-2");
    expect(await secrets.read(secretId, { label: "AWSCURRENT" })).toBe("fake-key-1");
  });

  it("returns nothing if there is no such label, version or secret", async () => {
    expect(await secrets.read(secretId, { label: "NEXT" })).toBeUndefined();
    expect(await secrets.read(secretId, { version: randomUUID() })).toBeUndefined();
    expect(await secrets.read(`${secretId}-other`, { label: "AWSCURRENT" })).toBeUndefined();
  });
});

describe("putPending", () => {
  it("stores a value under AWSPENDING alone, and may be repeated", async () => {
    const version = randomUUID();

    await secrets.putPending(secretId, version, new Secret("fake-key-2"));
    await secrets.putPending(secretId, version, new Secret("fake-key-2"));

    const description = await secrets.describe(secretId);
    expect(Object.fromEntries(description?.labels ?? [])).toEqual({
      [first]: ["AWSCURRENT"],
      [version]: ["AWSPENDING"],
    });
    expect(await secrets.read(secretId, { version })).toBe("fake-key-2");
  });

  it("does not overwrite another value", async () => {
    const version = randomUUID();
    await secrets.putPending(secretId, version, new Secret("fake-key-2"));

    await expect(secrets.putPending(secretId, version, new Secret("fake-key-3"))).rejects.toThrow(UnavailableError);
    expect(await secrets.read(secretId, { version })).toBe("fake-key-2");
  });
});

describe("moveLabel", () => {
  it("moves a label from its version, and AWSPREVIOUS follows AWSCURRENT", async () => {
    const next = put("fake-key-2", "AWSPENDING");

    expect(await secrets.moveLabel(secretId, "AWSCURRENT", { to: next, from: first })).toBe(true);

    const description = await secrets.describe(secretId);
    expect(Object.fromEntries(description?.labels ?? [])).toEqual({
      [first]: ["AWSPREVIOUS"],
      [next]: ["AWSCURRENT", "AWSPENDING"],
    });
  });

  it("moves nothing if the label is on another version than expected", async () => {
    const [pending, other] = [put("fake-key-2", "AWSPENDING"), put("fake-key-3")];
    emulator.store.updateSecretVersionStage({
      SecretId: secretId,
      VersionStage: "AWSCURRENT",
      MoveToVersionId: other,
      RemoveFromVersionId: first,
    });

    expect(await secrets.moveLabel(secretId, "AWSCURRENT", { to: pending, from: first })).toBe(false);
    expect(await secrets.moveLabel(secretId, "AWSPENDING", { from: other })).toBe(false);

    expect(await secrets.read(secretId, { label: "AWSCURRENT" })).toBe("fake-key-3");
    expect(await secrets.read(secretId, { label: "AWSPENDING" })).toBe("fake-key-2");
  });

  it("removes a label", async () => {
    const next = put("fake-key-2", "NEXT");

    expect(await secrets.moveLabel(secretId, "NEXT", { from: next })).toBe(true);
    expect(await secrets.read(secretId, { label: "NEXT" })).toBeUndefined();
  });
});

describe("When Secrets Manager fails,", () => {
  const calls: [string, string, () => Promise<unknown>][] = [
    ["describe", "DescribeSecret", () => secrets.describe(secretId)],
    ["read", "GetSecretValue", () => secrets.read(secretId, { version: first })],
    ["putPending", "PutSecretValue", () => secrets.putPending(secretId, randomUUID(), new Secret("fake-key-2"))],
    [
      "moveLabel",
      "UpdateSecretVersionStage",
      () => secrets.moveLabel(secretId, "AWSPREVIOUS", { from: first, to: first }),
    ],
  ];

  it.each(calls)("%s throws UnavailableError after three attempts", async (_method, operation, call) => {
    emulator.faults.set(operation, "InternalServiceError");

    await expect(call()).rejects.toThrow(UnavailableError);
    expect(emulator.calls.get(operation)).toBe(3);
  });

  it.each(calls)("%s throws UnavailableError if the role is denied", async (_method, operation, call) => {
    emulator.faults.set(operation, "AccessDeniedException");

    await expect(call()).rejects.toThrow("Secrets Manager: AccessDeniedException");
  });

  it("read throws UnavailableError for a secret that is scheduled for deletion, instead of returning nothing", async () => {
    emulator.store.deleteSecret({ SecretId: secretId });

    await expect(secrets.read(secretId, { version: first })).rejects.toThrow(UnavailableError);
  });

  it("no error text contains a value", async () => {
    const url = await serve((request, response) => {
      request.resume();
      response.writeHead(200, { "content-type": "application/x-amz-json-1.1" }).end('{"SecretString": "fake-key-1"');
    });
    const broken = secretVersions("smart-token-broker/test", { ...emulatorConfig(url), maxAttempts: 1 });

    const fault = await broken.read(secretId, { version: first }).catch((error: unknown) => error);

    expect(fault).toBeInstanceOf(UnavailableError);
    expect(String(fault)).toBe("UnavailableError: Secrets Manager: SyntaxError");
  });
});
