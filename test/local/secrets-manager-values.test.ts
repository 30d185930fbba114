import { randomUUID } from "node:crypto";
import type { SecretsManager } from "@aws-sdk/client-secrets-manager";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startWithClient } from "./secrets-manager-client.ts";

const clock = { instant: 1_790_000_000.123, now: () => clock.instant };
let client: SecretsManager;
let SecretId: string;

beforeAll(async () => {
  const started = await startWithClient({ clock });
  ({ client } = started);
  return started.close;
});
beforeEach(() => {
  SecretId = `values/${randomUUID()}`;
});

const create = (SecretString?: string) => client.createSecret({ Name: SecretId, SecretString });
const put = (SecretString: string) => client.putSecretValue({ SecretId, SecretString });
const stages = async () => (await client.describeSecret({ SecretId })).VersionIdsToStages;
const refusal = (name: string, message: string) => ({ name, message: expect.stringContaining(message) });

describe("reading a value", () => {
  it("returns the current version by default", async () => {
    const { ARN, VersionId } = await create("fake-key-1");

    const answer = await client.getSecretValue({ SecretId });

    expect(answer).toMatchObject({ ARN, Name: SecretId, VersionId, SecretString: "fake-key-1" });
    expect(answer.VersionStages).toEqual(["AWSCURRENT"]);
    expect(answer.CreatedDate).toEqual(new Date(1_790_000_000_123));
  });

  it("rejects a version without the given label", async () => {
    const { VersionId } = await create("fake-key-1");
    await put("fake-key-2");

    const call = client.getSecretValue({ SecretId, VersionId, VersionStage: "AWSCURRENT" });

    await expect(call).rejects.toMatchObject(refusal("InvalidRequestException", "not associated"));
  });

  it("names the label or the version that has no value", async () => {
    await create();
    const VersionId = randomUUID();

    const current = client.getSecretValue({ SecretId });
    const version = client.getSecretValue({ SecretId, VersionId });

    const start = "Secrets Manager can't find the specified secret value for";
    await expect(current).rejects.toMatchObject(
      refusal("ResourceNotFoundException", `${start} staging label: AWSCURRENT`),
    );
    await expect(version).rejects.toMatchObject(
      refusal("ResourceNotFoundException", `${start} VersionId: ${VersionId}`),
    );
  });

  it("returns a binary value unchanged", async () => {
    const SecretBinary = Buffer.from([0, 255, 10]);
    await client.createSecret({ Name: SecretId, SecretBinary });

    const answer = await client.getSecretValue({ SecretId });

    expect(Buffer.from(answer.SecretBinary ?? [])).toEqual(SecretBinary);
    expect(answer.SecretString).toBeUndefined();
  });
});

describe("storing a value", () => {
  it("moves AWSCURRENT to it, and AWSPREVIOUS to the former current version", async () => {
    await create("fake-key-1");
    const second = await put("fake-key-2");
    const third = await put("fake-key-3");

    const answer = await stages();

    expect(third.VersionStages).toEqual(["AWSCURRENT"]);
    expect(answer).toEqual({ [`${third.VersionId}`]: ["AWSCURRENT"], [`${second.VersionId}`]: ["AWSPREVIOUS"] });
  });

  it("accepts up to 65,536 bytes, and never repeats a value in an error", async () => {
    await create();

    const fits = await put("é".repeat(32_768));
    const tooLong = await put(`${"é".repeat(32_768)}!`).catch((error: unknown) => error);

    expect(fits.VersionStages).toEqual(["AWSCURRENT"]);
    expect(tooLong).toMatchObject(refusal("ValidationException", "less than or equal to 65536"));
    expect(String(tooLong)).not.toContain("é");
  });

  it("rejects a request without a value, and one with two", async () => {
    await create("fake-key-1");

    const none = client.putSecretValue({ SecretId });
    const both = client.putSecretValue({ SecretId, SecretString: "fake-key-2", SecretBinary: Buffer.from("fake") });

    await expect(none).rejects.toMatchObject(refusal("InvalidRequestException", "either SecretString or SecretBinary"));
    await expect(both).rejects.toMatchObject(refusal("InvalidParameterException", "both"));
  });
});
