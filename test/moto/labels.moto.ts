import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { labelRules, type Subject } from "./label-rules.ts";
import { openStore, type Store, storeNames } from "./stores.ts";

describe.each(storeNames)("In %s,", (name) => {
  let store: Store;
  let subject: Subject;

  beforeAll(async () => {
    store = await openStore(name);
  });
  afterAll(() => store.close());
  beforeEach(async () => {
    const { client } = store;
    const SecretId = `labels/${randomUUID()}`;
    const [first, second] = [randomUUID(), randomUUID()];
    await client.createSecret({ Name: SecretId, SecretString: "fake-key-1", ClientRequestToken: first });
    const pending = { ClientRequestToken: second, VersionStages: ["AWSPENDING"] };
    await client.putSecretValue({ SecretId, SecretString: "fake-key-2", ...pending });
    subject = { client, SecretId, first, second };
  });

  for (const { name: rule, check, motoInstead } of labelRules) {
    // Expected to fail: when moto fixes one of these, the test fails.
    if (name === "moto" && motoInstead !== undefined)
      it.fails(`this rule is broken: ${rule}; it ${motoInstead}`, () => check(subject));
    else it(rule, () => check(subject));
  }

  it("every rule starts with a current and a pending version", async () => {
    const { VersionIdsToStages } = await store.client.describeSecret({ SecretId: subject.SecretId });

    expect(VersionIdsToStages).toEqual({ [subject.first]: ["AWSCURRENT"], [subject.second]: ["AWSPENDING"] });
  });
});
