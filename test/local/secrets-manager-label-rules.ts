import { randomUUID } from "node:crypto";
import type { SecretsManager } from "@aws-sdk/client-secrets-manager";
import { expect } from "vitest";

/** A secret with a current version, `first`, and a pending one, `second`. */
interface Subject {
  client: SecretsManager;
  SecretId: string;
  first: string;
  second: string;
}

interface LabelRule {
  name: string;
  check: (subject: Subject) => Promise<void>;
  /** What moto does instead. */
  motoInstead?: string;
}

export async function newSubject(client: SecretsManager): Promise<Subject> {
  const SecretId = `labels/${randomUUID()}`;
  const [first, second] = [randomUUID(), randomUUID()];
  await client.createSecret({ Name: SecretId, SecretString: "fake-key-1", ClientRequestToken: first });
  const subject = { client, SecretId, first, second };
  await put(subject, "fake-key-2", second, "AWSPENDING");
  expect(await stages(subject)).toEqual({ [first]: ["AWSCURRENT"], [second]: ["AWSPENDING"] });
  return subject;
}

const stages = async ({ client, SecretId }: Subject) =>
  (await client.describeSecret({ SecretId })).VersionIdsToStages ?? {};

/** The labels of one version, sorted. */
const stagesOf = async (subject: Subject, version: string) => (await stages(subject))[version]?.toSorted();

const move = ({ client, SecretId }: Subject, VersionStage: string, moved: { to?: string; from?: string }) =>
  client.updateSecretVersionStage({
    SecretId,
    VersionStage,
    MoveToVersionId: moved.to,
    RemoveFromVersionId: moved.from,
  });

const moveCurrent = (subject: Subject) => move(subject, "AWSCURRENT", { to: subject.second, from: subject.first });

const put = ({ client, SecretId }: Subject, SecretString: string, version: string, ...VersionStages: string[]) =>
  client.putSecretValue({ SecretId, SecretString, ClientRequestToken: version, VersionStages });

const refused = (call: Promise<unknown>, name: string) => expect(call).rejects.toMatchObject({ name });

/** AWS's rules for versions and staging labels that a rotation depends on. What is true for moto too is likely to be true for AWS. */
export const labelRules: LabelRule[] = [
  {
    name: "moving AWSCURRENT leaves AWSPREVIOUS on the old version",
    async check(subject) {
      const { first, second } = subject;
      await moveCurrent(subject);
      expect(await stagesOf(subject, second)).toEqual(["AWSCURRENT", "AWSPENDING"]);
      expect(await stages(subject)).toEqual({ [first]: ["AWSPREVIOUS"], [second]: expect.anything() });
    },
  },
  {
    name: "moving AWSCURRENT back swaps it with AWSPREVIOUS",
    async check(subject) {
      const { first, second } = subject;
      await moveCurrent(subject);
      await move(subject, "AWSPENDING", { from: second });
      await move(subject, "AWSCURRENT", { to: first, from: second });
      expect(await stages(subject)).toEqual({ [first]: ["AWSCURRENT"], [second]: ["AWSPREVIOUS"] });
    },
  },
  {
    name: "a version can be read by its present label",
    async check(subject) {
      const { client, SecretId } = subject;
      await moveCurrent(subject);
      const current = await client.getSecretValue({ SecretId, VersionStage: "AWSCURRENT" });
      const previous = await client.getSecretValue({ SecretId, VersionStage: "AWSPREVIOUS" });
      expect([current.SecretString, previous.SecretString]).toEqual(["fake-key-2", "fake-key-1"]);
    },
  },
  {
    name: "moving AWSCURRENT requires the version that has it",
    async check(subject) {
      const { first, second } = subject;
      await refused(move(subject, "AWSCURRENT", { to: second }), "InvalidParameterException");
      await refused(move(subject, "AWSCURRENT", { to: second, from: second }), "InvalidParameterException");
      expect(await stages(subject)).toEqual({ [first]: ["AWSCURRENT"], [second]: ["AWSPENDING"] });
    },
  },
  {
    name: "a custom label can be put on an existing version, and removed",
    async check(subject) {
      await move(subject, "NEXT", { to: subject.first });
      expect(await stagesOf(subject, subject.first)).toEqual(["AWSCURRENT", "NEXT"]);
      await move(subject, "NEXT", { from: subject.first });
      expect(await stagesOf(subject, subject.first)).toEqual(["AWSCURRENT"]);
    },
  },
  {
    name: "removing a label from a version that does not have it is an InvalidParameterException",
    async check(subject) {
      for (const label of ["AWSPENDING", "NEXT"]) {
        await refused(move(subject, label, { from: subject.first }), "InvalidParameterException");
      }
    },
  },
  {
    name: "a put under a label takes it from the version that had it",
    async check(subject) {
      const [one, other] = [randomUUID(), randomUUID()];
      await put(subject, "fake-key-3", one, "NEXT");
      await put(subject, "fake-key-4", other, "NEXT");
      expect(await stagesOf(subject, other)).toEqual(["NEXT"]);
      expect((await stagesOf(subject, one)) ?? []).toEqual([]);
    },
  },
  {
    name: "an unused label, an unknown version and an unknown secret are not found",
    async check({ client, SecretId }) {
      await refused(client.getSecretValue({ SecretId, VersionStage: "NEXT" }), "ResourceNotFoundException");
      await refused(client.getSecretValue({ SecretId, VersionId: randomUUID() }), "ResourceNotFoundException");
      await refused(client.describeSecret({ SecretId: `${SecretId}-other` }), "ResourceNotFoundException");
    },
  },
  {
    name: "a version without a label is not described, but can be read by its id",
    motoInstead: "describes it with an empty list of labels",
    async check(subject) {
      const { client, SecretId, first, second: VersionId } = subject;
      await move(subject, "AWSPENDING", { from: VersionId });
      expect(await client.getSecretValue({ SecretId, VersionId })).toMatchObject({ SecretString: "fake-key-2" });
      expect(await stages(subject)).toEqual({ [first]: ["AWSCURRENT"] });
    },
  },
  {
    name: "a read without a label returns the current value",
    motoInstead: "returns the value that was current before AWSCURRENT moved",
    async check(subject) {
      const { client, SecretId } = subject;
      await moveCurrent(subject);
      expect(await client.getSecretValue({ SecretId })).toMatchObject({ SecretString: "fake-key-2" });
    },
  },
  {
    name: "AWSCURRENT is on one version only, also if a put follows a move",
    motoInstead: "leaves it on the version to which it was moved",
    async check(subject) {
      const third = randomUUID();
      await moveCurrent(subject);
      await put(subject, "fake-key-3", third, "AWSCURRENT");
      const holders = Object.entries(await stages(subject)).filter(([, its]) => its.includes("AWSCURRENT"));
      expect(holders.map(([version]) => version)).toEqual([third]);
    },
  },
  {
    name: "moving AWSCURRENT to its own version changes nothing",
    motoInstead: "requires the version to remove it from",
    async check(subject) {
      const { first, second } = subject;
      await move(subject, "AWSCURRENT", { to: first });
      expect(await stages(subject)).toEqual({ [first]: ["AWSCURRENT"], [second]: ["AWSPENDING"] });
    },
  },
  {
    name: "moving a custom label requires the version that has it",
    motoInstead: "puts it on both",
    async check(subject) {
      await move(subject, "NEXT", { to: subject.first });
      await refused(move(subject, "NEXT", { to: subject.second }), "InvalidParameterException");
    },
  },
  {
    name: "AWSCURRENT cannot be removed",
    motoInstead: "removes it",
    check: (subject) => refused(move(subject, "AWSCURRENT", { from: subject.first }), "InvalidParameterException"),
  },
  {
    name: "moving a label requires a version",
    motoInstead: "changes nothing",
    check: (subject) => refused(move(subject, "NEXT", {}), "InvalidParameterException"),
  },
  {
    name: "a label cannot move to a version that does not exist",
    motoInstead: "rejects with another error name",
    check: (subject) => refused(move(subject, "NEXT", { to: randomUUID() }), "ResourceNotFoundException"),
  },
  {
    name: "another value under the same token is rejected",
    motoInstead: "overwrites the first one",
    check: (subject) => refused(put(subject, "fake-key-3", subject.second, "AWSPENDING"), "ResourceExistsException"),
  },
  {
    name: "the same value under the same token again changes nothing, labels included",
    motoInstead: "makes the version again, with only the labels of the put",
    async check(subject) {
      await moveCurrent(subject);
      await put(subject, "fake-key-2", subject.second, "AWSPENDING");
      await put(subject, "fake-key-1", subject.first, "AWSCURRENT");
      expect(await stagesOf(subject, subject.second)).toEqual(["AWSCURRENT", "AWSPENDING"]);
    },
  },
  {
    name: "the first value of a secret is its current one, whatever the label of the put",
    motoInstead: "gives it that label alone",
    async check(subject) {
      const empty = { ...subject, SecretId: `labels/${randomUUID()}` };
      const only = randomUUID();
      await subject.client.createSecret({ Name: empty.SecretId });
      await put(empty, "fake-key-1", only, "NEXT");
      expect(await stagesOf(empty, only)).toEqual(["AWSCURRENT", "NEXT"]);
    },
  },
  {
    name: "no rotation starts while another one is unfinished",
    motoInstead: "removes the label of the pending version and starts one",
    check({ client, SecretId }) {
      const RotationLambdaARN = "arn:aws:lambda:eu-south-1:000000000000:function:none";
      return refused(client.rotateSecret({ SecretId, RotationLambdaARN }), "InvalidRequestException");
    },
  },
];
