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
const instant = (seconds: number) => new Date(seconds * 1000);

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
