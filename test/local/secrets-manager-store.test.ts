import { randomUUID } from "node:crypto";
import { beforeEach, describe, expect, it } from "vitest";
import { SecretStore } from "../../local/secrets-manager/store.ts";
import { addVersion, moveStage, type Secret } from "../../local/secrets-manager/versions.ts";

const clock = { now: () => 1_790_000_000 };
const secretValue = (SecretString: string) => ({ SecretString });

describe("a version without a value", () => {
  let secret: Secret;
  beforeEach(() => {
    secret = {
      arn: "arn:aws:secretsmanager:eu-south-1:000000000000:secret:one-AbCdEf",
      name: "one",
      tags: new Map(),
      versions: new Map(),
      createdAt: 1,
      changedAt: 1,
    };
    addVersion(secret, { id: "first", value: secretValue("fake-key-1"), stages: ["AWSCURRENT"] }, 2);
  });

  it("has labels, and accepts the first value that is stored under its id", () => {
    addVersion(secret, { id: "second", stages: ["AWSPENDING"] }, 3);

    const filled = addVersion(secret, { id: "second", value: secretValue("fake-key-2"), stages: ["AWSPENDING"] }, 4);

    expect(filled).toEqual({
      id: "second",
      value: secretValue("fake-key-2"),
      stages: new Set(["AWSPENDING"]),
      createdAt: 3,
    });
    expect(secret.versions.get("first")?.stages).toEqual(new Set(["AWSCURRENT"]));
    expect(secret.changedAt).toBe(4);
  });

  it("rejects a second value", () => {
    addVersion(secret, { id: "second", stages: ["AWSPENDING"] }, 3);
    addVersion(secret, { id: "second", value: secretValue("fake-key-2"), stages: ["AWSPENDING"] }, 4);

    const again = () =>
      addVersion(secret, { id: "second", value: secretValue("fake-key-3"), stages: ["AWSPENDING"] }, 5);

    expect(again).toThrow(expect.objectContaining({ type: "ResourceExistsException" }));
  });

  it("loses a label like any version", () => {
    addVersion(secret, { id: "second", stages: ["AWSPENDING"] }, 3);

    moveStage(secret, "AWSPENDING", { from: "second" });

    expect(secret.versions.get("second")?.stages).toEqual(new Set());
  });
});

describe("deprecated versions", () => {
  it("are kept up to a hundred versions, then the oldest go; labelled ones stay", () => {
    const store = new SecretStore({ clock, region: "eu-south-1", accountId: "000000000000" });
    const ids = Array.from({ length: 105 }, () => randomUUID());
    store.createSecret({ Name: "one" });
    const put = (id: string | undefined, index: number) =>
      store.putSecretValue({
        SecretId: "one",
        SecretString: `fake-key-${index}`,
        ...(id === undefined ? {} : { ClientRequestToken: id }),
      });
    for (const [index, id] of ids.entries()) {
      put(id, index);
      if (index === 0) store.updateSecretVersionStage({ SecretId: "one", VersionStage: "KEEP", MoveToVersionId: id });
    }

    const isKept = (VersionId: string) => {
      try {
        return store.getSecretValue({ SecretId: "one", VersionId }).VersionId === VersionId;
      } catch {
        return false;
      }
    };

    expect(ids.filter(isKept)).toEqual([ids[0], ...ids.slice(6)]);
  });
});

describe("an empty secret", () => {
  it("has no version until a value is stored", () => {
    const store = new SecretStore({ clock, region: "eu-south-1", accountId: "000000000000" });
    store.createSecret({ Name: "one" });

    expect(store.describeSecret({ SecretId: "one" }).VersionIdsToStages).toBeUndefined();
    expect(() => store.getSecretValue({ SecretId: "one" })).toThrow("staging label: AWSCURRENT");
  });
});
