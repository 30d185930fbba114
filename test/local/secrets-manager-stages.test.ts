import { randomUUID } from "node:crypto";
import type { SecretsManager } from "@aws-sdk/client-secrets-manager";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startWithClient } from "./secrets-manager-client.ts";

const clock = { now: () => 1_790_000_000 };
let client: SecretsManager;
let SecretId: string;
let first: string;
let second: string;

beforeAll(async () => {
  const started = await startWithClient({ clock });
  ({ client } = started);
  return started.close;
});
beforeEach(async () => {
  SecretId = `stages/${randomUUID()}`;
  [first, second] = [randomUUID(), randomUUID()];
  await client.createSecret({ Name: SecretId, SecretString: "fake-key-1", ClientRequestToken: first });
  await client.putSecretValue({
    SecretId,
    SecretString: "fake-key-2",
    ClientRequestToken: second,
    VersionStages: ["AWSPENDING"],
  });
});

const move = (VersionStage: string, MoveToVersionId?: string, RemoveFromVersionId?: string) =>
  client.updateSecretVersionStage({ SecretId, VersionStage, MoveToVersionId, RemoveFromVersionId });
const stages = async () => (await client.describeSecret({ SecretId })).VersionIdsToStages;
const refusal = (name: string, message: string) => ({ name, message: expect.stringContaining(message) });

describe("moving a staging label", () => {
  it("moves AWSCURRENT to another version and puts AWSPREVIOUS on the former one", async () => {
    await move("AWSCURRENT", second, first);

    const answer = await stages();

    expect(answer).toEqual({ [first]: ["AWSPREVIOUS"], [second]: ["AWSCURRENT", "AWSPENDING"] });
  });

  it("back swaps AWSCURRENT and AWSPREVIOUS", async () => {
    await move("AWSCURRENT", second, first);
    await move("AWSCURRENT", first, second);

    const answer = await stages();

    expect(answer).toEqual({ [first]: ["AWSCURRENT"], [second]: ["AWSPENDING", "AWSPREVIOUS"] });
  });

  it("requires the version that has the label", async () => {
    const untold = move("AWSCURRENT", second);
    const mistold = move("AWSCURRENT", second, second);

    await expect(untold).rejects.toMatchObject(
      refusal("InvalidParameterException", `currently attached to version ${first}`),
    );
    await expect(mistold).rejects.toMatchObject(refusal("InvalidParameterException", "isn't attached to version"));
    expect(await stages()).toEqual({ [first]: ["AWSCURRENT"], [second]: ["AWSPENDING"] });
  });

  it("to its own version changes nothing", async () => {
    await move("AWSCURRENT", second, first);

    await move("AWSCURRENT", second);

    expect(await stages()).toEqual({ [first]: ["AWSPREVIOUS"], [second]: ["AWSCURRENT", "AWSPENDING"] });
  });

  it("attaches a label that no version had", async () => {
    await move("NEXT", second);

    expect(await stages()).toEqual({ [first]: ["AWSCURRENT"], [second]: ["AWSPENDING", "NEXT"] });
  });

  it("rejects a version that does not exist", async () => {
    const call = move("NEXT", randomUUID());

    await expect(call).rejects.toMatchObject(refusal("ResourceNotFoundException", "secret version"));
  });
});

describe("removing a staging label", () => {
  it("rejects AWSCURRENT, which can only move", async () => {
    const call = move("AWSCURRENT", undefined, first);

    await expect(call).rejects.toMatchObject(refusal("InvalidParameterException", "can't be completely removed"));
  });

  it("rejects a version without the label, and a request without a version", async () => {
    const elsewhere = move("AWSPENDING", undefined, first);
    const nowhere = move("NEXT", undefined, first);
    const unnamed = move("AWSPENDING");

    for (const call of [elsewhere, nowhere, unnamed]) {
      await expect(call).rejects.toMatchObject({ name: "InvalidParameterException" });
    }
  });

  it("hides a version without another label, which stays readable by its id", async () => {
    await move("AWSPENDING", undefined, second);

    expect(await stages()).toEqual({ [first]: ["AWSCURRENT"] });
    expect(await client.getSecretValue({ SecretId, VersionId: second })).toMatchObject({ SecretString: "fake-key-2" });
  });
});
