import { paginateListSecrets, type SecretsManager } from "@aws-sdk/client-secrets-manager";
import { beforeEach, describe, expect, it } from "vitest";
import { startWithClient } from "./secrets-manager-client.ts";

const START = 1_790_000_000.5;
const DAY = 86_400;
const clock = { instant: START, now: () => clock.instant };
let client: SecretsManager;

beforeEach(async () => {
  clock.instant = START;
  const started = await startWithClient({ clock });
  ({ client } = started);
  return started.close;
});

const create = (Name: string) => client.createSecret({ Name, SecretString: "fake-key-1" });
const refusal = (name: string, message: string) => ({ name, message: expect.stringContaining(message) });
const instant = (seconds: number) => new Date(seconds * 1000);

describe("a secret", () => {
  it("is described with its tags, its complete ARN and no version, if it was created without a value", async () => {
    const Tags = [{ Key: "team", Value: "orders" }];
    const { ARN, VersionId } = await client.createSecret({ Name: "broker/dev/one", Tags });

    const { $metadata: _, ...secret } = await client.describeSecret({ SecretId: ARN });

    expect(VersionId).toBeUndefined();
    expect(ARN).toMatch(/^arn:aws:secretsmanager:eu-south-1:000000000000:secret:broker\/dev\/one-[A-Za-z0-9]{6}$/);
    const dates = { CreatedDate: instant(START), LastChangedDate: instant(START) };
    expect(secret).toEqual({ ARN, Name: "broker/dev/one", RotationEnabled: false, Tags, ...dates });
  });

  it("cannot be created with a name that is taken or invalid", async () => {
    await create("one");

    await expect(create("one")).rejects.toMatchObject(refusal("ResourceExistsException", "one already exists"));
    for (const name of ["a b", "a:b", "è", "a*", "x".repeat(513)]) {
      await expect(create(name)).rejects.toMatchObject({ name: "ValidationException" });
    }
  });

  it("has a value of at most 65,536 bytes, which no error repeats", async () => {
    const { VersionId = "" } = await create("one");
    const put = (SecretString?: string) => client.putSecretValue({ SecretId: "one", SecretString });

    await put("é".repeat(32_768));
    const tooLong = await put(`${"é".repeat(32_768)}!`).catch((error: unknown) => error);

    expect(tooLong).toMatchObject(refusal("ValidationException", "65536"));
    expect(String(tooLong)).not.toContain("é");
    await expect(put()).rejects.toMatchObject({ name: "InvalidRequestException" });
    const old = await client.getSecretValue({ SecretId: "one", VersionId });
    expect(old).toMatchObject({ SecretString: "fake-key-1", VersionStages: ["AWSPREVIOUS"] });
  });
});

describe("a deleted secret", () => {
  const SecretId = "one";

  it("rejects every use of it and of its name until it is restored", async () => {
    const { VersionId } = await create(SecretId);
    const { DeletionDate } = await client.deleteSecret({ SecretId, RecoveryWindowInDays: 7 });

    expect(DeletionDate).toEqual(instant(START + 7 * DAY));
    expect((await client.describeSecret({ SecretId })).DeletedDate).toEqual(DeletionDate);
    for (const call of [
      client.getSecretValue({ SecretId }),
      client.putSecretValue({ SecretId, SecretString: "fake-key-2" }),
      client.updateSecretVersionStage({ SecretId, VersionStage: "NEXT", MoveToVersionId: VersionId }),
      client.deleteSecret({ SecretId }),
    ]) {
      await expect(call).rejects.toMatchObject(refusal("InvalidRequestException", "was marked for deletion."));
    }
    const taken = refusal("InvalidRequestException", "already scheduled for deletion");
    await expect(create(SecretId)).rejects.toMatchObject(taken);
    await client.restoreSecret({ SecretId });
    expect((await client.getSecretValue({ SecretId })).SecretString).toBe("fake-key-1");
  });

  it("is forgotten at once by force", async () => {
    const { ARN } = await create(SecretId);
    await client.deleteSecret({ SecretId });
    await client.deleteSecret({ SecretId, ForceDeleteWithoutRecovery: true });
    expect((await create(SecretId)).ARN).not.toBe(ARN);
  });
});

describe("listing secrets", () => {
  it("pages through those whose name begins with a prefix", async () => {
    for (const name of ["dev/a", "dev/b", "dev/c", "prod/dev/", "d"]) await create(name);
    const pages: (string | undefined)[][] = [];

    const Filters = [{ Key: "name" as const, Values: ["dev/", "d-"] }];
    for await (const answer of paginateListSecrets({ client, pageSize: 2 }, { Filters })) {
      pages.push((answer.SecretList ?? []).map(({ Name }) => Name));
    }

    expect(pages).toEqual([["dev/a", "dev/b"], ["dev/c"]]);
    const byTag = client.listSecrets({ Filters: [{ Key: "tag-key", Values: ["team"] }] });
    await expect(byTag).rejects.toMatchObject({ name: "InvalidParameterException" });
  });

  it("shows versions with labels, and secrets scheduled for deletion only on request", async () => {
    const { VersionId } = await create("one");
    await create("two");
    await client.deleteSecret({ SecretId: "two" });

    const without = await client.listSecrets({});
    const all = await client.listSecrets({ IncludePlannedDeletion: true });

    const versions = { [`${VersionId}`]: ["AWSCURRENT"] };
    expect(without.SecretList).toMatchObject([{ Name: "one", SecretVersionsToStages: versions }]);
    expect(all.SecretList?.map(({ Name, DeletedDate }) => [Name, DeletedDate])).toEqual([
      ["one", undefined],
      ["two", instant(START + 30 * DAY)],
    ]);
  });
});
