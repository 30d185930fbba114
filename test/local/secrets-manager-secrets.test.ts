import { randomUUID } from "node:crypto";
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
const MARKED = "You can't perform this operation on the secret because it was marked for deletion.";

describe("creating a secret", () => {
  it("makes an ARN from region, account, name and six random characters", async () => {
    const { ARN } = await create("broker/dev/one");

    expect(ARN).toMatch(/^arn:aws:secretsmanager:eu-south-1:000000000000:secret:broker\/dev\/one-[A-Za-z0-9]{6}$/);
  });

  it("without a value makes no version", async () => {
    const { VersionId, ARN } = await client.createSecret({ Name: "empty" });

    const { $metadata, ...secret } = await client.describeSecret({ SecretId: "empty" });

    expect(VersionId).toBeUndefined();
    expect($metadata.httpStatusCode).toBe(200);
    expect(secret).toEqual({
      ARN,
      Name: "empty",
      RotationEnabled: false,
      CreatedDate: instant(START),
      LastChangedDate: instant(START),
    });
  });

  it("keeps its tags", async () => {
    const Tags = [{ Key: "team", Value: "orders" }];
    await client.createSecret({ Name: "one", Tags });

    const secret = await client.describeSecret({ SecretId: "one" });

    expect(secret).toMatchObject({ Tags });
  });

  it("again with the same token and value gives the same response", async () => {
    const request = { Name: "one", SecretString: "fake-key-1", ClientRequestToken: randomUUID() };
    const { ARN, VersionId } = await client.createSecret(request);

    const again = await client.createSecret(request);
    const other = client.createSecret({ ...request, SecretString: "fake-key-2" });

    expect(again).toMatchObject({ ARN, VersionId });
    await expect(other).rejects.toMatchObject({ name: "ResourceExistsException" });
  });

  it("rejects a name that is taken", async () => {
    await create("one");

    const call = create("one");

    await expect(call).rejects.toMatchObject(
      refusal("ResourceExistsException", "The operation failed because the secret one already exists."),
    );
  });

  it.each(["a b", "a:b", "è", "a*", "x".repeat(513)])("rejects the name %j", async (Name) => {
    await expect(create(Name)).rejects.toMatchObject({ name: "ValidationException" });
  });

  it("accepts every valid character in a name, up to 512", async () => {
    const Name = `aZ9/_+=.@-${"x".repeat(502)}`;

    const answer = await create(Name);

    expect(answer.Name).toBe(Name);
  });
});

describe("finding a secret", () => {
  it("works by name, by ARN and by ARN without its suffix", async () => {
    const { ARN = "" } = await create("one");
    await create("one-more");

    const found = await Promise.all(
      ["one", ARN, ARN.slice(0, -7)].map((SecretId) => client.describeSecret({ SecretId })),
    );

    expect(found.map((secret) => secret.ARN)).toEqual([ARN, ARN, ARN]);
  });

  it("does not work by a partial ARN of a name that ends like a suffix", async () => {
    const { ARN = "" } = await create("one-a1b2c3");

    const call = client.describeSecret({ SecretId: ARN.slice(0, -7) });

    await expect(call).rejects.toMatchObject({ name: "ResourceNotFoundException" });
  });

  it("rejects a secret that does not exist, with status 400", async () => {
    const call = client.getSecretValue({ SecretId: "none" });

    await expect(call).rejects.toMatchObject({
      name: "ResourceNotFoundException",
      message: "Secrets Manager can't find the specified secret.",
      $metadata: { httpStatusCode: 400 },
    });
  });
});

describe("deleting a secret", () => {
  it("schedules the deletion in 30 days, or in the given days", async () => {
    await create("one");
    await create("two");

    const month = await client.deleteSecret({ SecretId: "one" });
    const week = await client.deleteSecret({ SecretId: "two", RecoveryWindowInDays: 7 });

    expect(month.DeletionDate).toEqual(instant(START + 30 * DAY));
    expect(week.DeletionDate).toEqual(instant(START + 7 * DAY));
    expect((await client.describeSecret({ SecretId: "two" })).DeletedDate).toEqual(week.DeletionDate);
  });

  it("rejects every use of the secret and its name until it is restored", async () => {
    const SecretId = "one";
    const { VersionId } = await create(SecretId);
    await client.deleteSecret({ SecretId });

    const barred = [
      client.getSecretValue({ SecretId }),
      client.putSecretValue({ SecretId, SecretString: "fake-key-2" }),
      client.updateSecretVersionStage({ SecretId, VersionStage: "NEXT", MoveToVersionId: VersionId }),
      client.deleteSecret({ SecretId }),
    ];
    const taken = create(SecretId);

    for (const call of barred) await expect(call).rejects.toMatchObject(refusal("InvalidRequestException", MARKED));
    await expect(taken).rejects.toMatchObject(refusal("InvalidRequestException", "already scheduled for deletion"));
    await client.restoreSecret({ SecretId });
    expect((await client.getSecretValue({ SecretId })).SecretString).toBe("fake-key-1");
    expect((await client.describeSecret({ SecretId })).DeletedDate).toBeUndefined();
  });

  it("forgets the secret when the recovery window has ended", async () => {
    await create("one");
    await client.deleteSecret({ SecretId: "one", RecoveryWindowInDays: 7 });
    clock.instant += 7 * DAY;

    const call = client.restoreSecret({ SecretId: "one" });

    await expect(call).rejects.toMatchObject({ name: "ResourceNotFoundException" });
  });

  it("by force frees the name at once for a new secret", async () => {
    const { ARN } = await create("one");
    await client.deleteSecret({ SecretId: "one" });
    await client.deleteSecret({ SecretId: "one", ForceDeleteWithoutRecovery: true });

    const again = await create("one");

    expect(again.ARN).not.toBe(ARN);
  });

  it("by force accepts a secret that does not exist, otherwise not", async () => {
    const forced = await client.deleteSecret({ SecretId: "none", ForceDeleteWithoutRecovery: true });
    const call = client.deleteSecret({ SecretId: "none" });

    expect(forced.Name).toBe("none");
    await expect(call).rejects.toMatchObject({ name: "ResourceNotFoundException" });
  });

  it.each([6, 31])("rejects a recovery window of %i days", async (RecoveryWindowInDays) => {
    await create("one");

    const call = client.deleteSecret({ SecretId: "one", RecoveryWindowInDays });

    await expect(call).rejects.toMatchObject(refusal("InvalidParameterException", "between 7 and 30 days"));
  });

  it("rejects a recovery window together with force", async () => {
    await create("one");

    const call = client.deleteSecret({
      SecretId: "one",
      RecoveryWindowInDays: 7,
      ForceDeleteWithoutRecovery: true,
    });

    await expect(call).rejects.toMatchObject({ name: "InvalidParameterException" });
  });
});

describe("listing secrets", () => {
  it("pages through all of them", async () => {
    for (const name of ["a", "b", "c", "d", "e"]) await create(name);
    const pages: (string | undefined)[][] = [];

    for await (const answer of paginateListSecrets({ client, pageSize: 2 }, {})) {
      pages.push((answer.SecretList ?? []).map(({ Name }) => Name));
    }

    expect(pages).toEqual([["a", "b"], ["c", "d"], ["e"]]);
  });

  it("rejects an invalid token", async () => {
    const call = client.listSecrets({ NextToken: "fake-token" });

    await expect(call).rejects.toMatchObject({ name: "InvalidNextTokenException" });
  });

  it("filters by prefixes of the name, and rejects every other filter key", async () => {
    for (const name of ["broker/dev/a", "broker/prod/a", "other/broker/"]) await create(name);

    const some = await client.listSecrets({ Filters: [{ Key: "name", Values: ["broker/dev/", "other/"] }] });
    const byTag = client.listSecrets({ Filters: [{ Key: "tag-key", Values: ["team"] }] });

    expect(some.SecretList?.map(({ Name }) => Name)).toEqual(["broker/dev/a", "other/broker/"]);
    await expect(byTag).rejects.toMatchObject({ name: "InvalidParameterException" });
  });

  it("shows versions with labels, and secrets scheduled for deletion only on request", async () => {
    const { VersionId } = await create("one");
    await create("two");
    await client.deleteSecret({ SecretId: "two" });

    const without = await client.listSecrets({});
    const all = await client.listSecrets({ IncludePlannedDeletion: true });

    expect(without.SecretList).toMatchObject([
      { Name: "one", SecretVersionsToStages: { [`${VersionId}`]: ["AWSCURRENT"] } },
    ]);
    expect(all.SecretList?.map(({ Name, DeletedDate }) => [Name, DeletedDate])).toEqual([
      ["one", undefined],
      ["two", instant(START + 30 * DAY)],
    ]);
  });
});
