import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import type { Store } from "./stores.ts";

/** A secret with a current version, `first`, and a pending one, `second`. */
export interface Subject {
  client: Store["client"];
  SecretId: string;
  first: string;
  second: string;
}

export interface LabelRule {
  name: string;
  check: (subject: Subject) => Promise<void>;
  /** What moto does instead. */
  motosWay?: string;
}

const stages = async ({ client, SecretId }: Subject) => (await client.describeSecret({ SecretId })).VersionIdsToStages;

const move = ({ client, SecretId }: Subject, VersionStage: string, moved: { to?: string; from?: string }) =>
  client.updateSecretVersionStage({
    SecretId,
    VersionStage,
    MoveToVersionId: moved.to,
    RemoveFromVersionId: moved.from,
  });

const put = ({ client, SecretId }: Subject, SecretString: string, version: string, ...VersionStages: string[]) =>
  client.putSecretValue({ SecretId, SecretString, ClientRequestToken: version, VersionStages });

/** AWS's rules for versions and their staging labels, as far as a rotation leans on them. */
export const labelRules: LabelRule[] = [
  {
    name: "moving AWSCURRENT leaves AWSPREVIOUS on the version that it left",
    check: async (subject) => {
      const { first, second } = subject;
      await move(subject, "AWSCURRENT", { to: second, from: first });
      expect(await stages(subject)).toEqual({
        [first]: ["AWSPREVIOUS"],
        [second]: expect.toSatisfy((its: string[]) => its.toSorted().join() === "AWSCURRENT,AWSPENDING"),
      });
    },
  },
  {
    name: "moving AWSCURRENT back swaps it with AWSPREVIOUS",
    check: async (subject) => {
      const { first, second } = subject;
      await move(subject, "AWSCURRENT", { to: second, from: first });
      await move(subject, "AWSPENDING", { from: second });
      await move(subject, "AWSCURRENT", { to: first, from: second });
      expect(await stages(subject)).toEqual({ [first]: ["AWSCURRENT"], [second]: ["AWSPREVIOUS"] });
    },
  },
  {
    name: "a version is read by the label that it has now",
    check: async (subject) => {
      const { client, SecretId, first, second } = subject;
      await move(subject, "AWSCURRENT", { to: second, from: first });
      const current = await client.getSecretValue({ SecretId, VersionStage: "AWSCURRENT" });
      const previous = await client.getSecretValue({ SecretId, VersionStage: "AWSPREVIOUS" });
      expect([current.SecretString, previous.SecretString]).toEqual(["fake-key-2", "fake-key-1"]);
    },
  },
  {
    name: "AWSCURRENT does not move without the version that has it, or with another",
    check: async (subject) => {
      const refusal = { name: "InvalidParameterException" };
      await expect(move(subject, "AWSCURRENT", { to: subject.second })).rejects.toMatchObject(refusal);
      const { second } = subject;
      await expect(move(subject, "AWSCURRENT", { to: second, from: second })).rejects.toMatchObject(refusal);
      expect(await stages(subject)).toEqual({ [subject.first]: ["AWSCURRENT"], [second]: ["AWSPENDING"] });
    },
  },
  {
    name: "a label of one's own goes onto a version that exists, and off it",
    check: async (subject) => {
      await move(subject, "NEXT", { to: subject.first });
      const attached = (await stages(subject))?.[subject.first];
      await move(subject, "NEXT", { from: subject.first });
      expect(attached?.toSorted()).toEqual(["AWSCURRENT", "NEXT"]);
      expect((await stages(subject))?.[subject.first]).toEqual(["AWSCURRENT"]);
    },
  },
  {
    name: "taking a label off a version that does not have it is refused by name",
    check: async (subject) => {
      const refusal = { name: "InvalidParameterException" };
      await expect(move(subject, "AWSPENDING", { from: subject.first })).rejects.toMatchObject(refusal);
      await expect(move(subject, "NEXT", { from: subject.first })).rejects.toMatchObject(refusal);
    },
  },
  {
    name: "a put under a label takes it from the version that had it",
    check: async (subject) => {
      const [one, other] = [randomUUID(), randomUUID()];
      await put(subject, "fake-key-3", one, "NEXT");
      await put(subject, "fake-key-4", other, "NEXT");
      expect((await stages(subject))?.[other]).toEqual(["NEXT"]);
      expect((await stages(subject))?.[one] ?? []).toEqual([]);
    },
  },
  {
    name: "what has no such label, and an unknown version, is not found",
    check: async ({ client, SecretId }) => {
      const refusal = { name: "ResourceNotFoundException" };
      await expect(client.getSecretValue({ SecretId, VersionStage: "NEXT" })).rejects.toMatchObject(refusal);
      await expect(client.getSecretValue({ SecretId, VersionId: randomUUID() })).rejects.toMatchObject(refusal);
      await expect(client.describeSecret({ SecretId: `${SecretId}-other` })).rejects.toMatchObject(refusal);
    },
  },
  {
    name: "a version with no label left is not described, and stays readable by its id",
    motosWay: "describes it with an empty list of labels",
    check: async (subject) => {
      const { client, SecretId, first, second: VersionId } = subject;
      await move(subject, "AWSPENDING", { from: VersionId });
      expect(await client.getSecretValue({ SecretId, VersionId })).toMatchObject({ SecretString: "fake-key-2" });
      expect(await stages(subject)).toEqual({ [first]: ["AWSCURRENT"] });
    },
  },
  {
    name: "a value asked for without a label is the current one",
    motosWay: "answers what was current before AWSCURRENT was moved",
    check: async (subject) => {
      const { client, SecretId, first, second } = subject;
      await move(subject, "AWSCURRENT", { to: second, from: first });
      expect(await client.getSecretValue({ SecretId })).toMatchObject({ SecretString: "fake-key-2" });
    },
  },
  {
    name: "AWSCURRENT is on one version only, also when a put follows a move",
    motosWay: "leaves it on the version that it had been moved to",
    check: async (subject) => {
      const { first, second } = subject;
      const third = randomUUID();
      await move(subject, "AWSCURRENT", { to: second, from: first });
      await put(subject, "fake-key-3", third, "AWSCURRENT");
      const holders = Object.entries((await stages(subject)) ?? {}).filter(([, its]) => its.includes("AWSCURRENT"));
      expect(holders.map(([version]) => version)).toEqual([third]);
    },
  },
  {
    name: "moving AWSCURRENT to where it is changes nothing",
    motosWay: "asks for the version that it is to be removed from",
    check: async (subject) => {
      await move(subject, "AWSCURRENT", { to: subject.first });
      expect(await stages(subject)).toEqual({ [subject.first]: ["AWSCURRENT"], [subject.second]: ["AWSPENDING"] });
    },
  },
  {
    name: "a label of one's own that another version has does not move without that version",
    motosWay: "puts it on both",
    check: async (subject) => {
      await move(subject, "NEXT", { to: subject.first });
      const asked = move(subject, "NEXT", { to: subject.second });
      await expect(asked).rejects.toMatchObject({ name: "InvalidParameterException" });
    },
  },
  {
    name: "AWSCURRENT cannot be taken off altogether",
    motosWay: "takes it off",
    check: async (subject) => {
      const asked = move(subject, "AWSCURRENT", { from: subject.first });
      await expect(asked).rejects.toMatchObject({ name: "InvalidParameterException" });
    },
  },
  {
    name: "a label does not move to a version that does not exist",
    motosWay: "refuses under another name",
    check: async (subject) => {
      const asked = move(subject, "NEXT", { to: randomUUID() });
      await expect(asked).rejects.toMatchObject({ name: "ResourceNotFoundException" });
    },
  },
  {
    name: "another value under the same token is refused",
    motosWay: "writes it over the first one",
    check: async (subject) => {
      const asked = put(subject, "fake-key-3", subject.second, "AWSPENDING");
      await expect(asked).rejects.toMatchObject({ name: "ResourceExistsException" });
    },
  },
  {
    name: "the same value under the same token again changes nothing, labels included",
    motosWay: "makes the version anew, with the labels of the put alone",
    check: async (subject) => {
      const { first, second } = subject;
      await move(subject, "AWSCURRENT", { to: second, from: first });
      await put(subject, "fake-key-2", second, "AWSPENDING");
      expect((await stages(subject))?.[second]?.toSorted()).toEqual(["AWSCURRENT", "AWSPENDING"]);
    },
  },
  {
    name: "the first value of a secret is its current one, whatever label it was put under",
    motosWay: "gives it that label alone",
    check: async (subject) => {
      const empty = { ...subject, SecretId: `labels/${randomUUID()}` };
      const only = randomUUID();
      await subject.client.createSecret({ Name: empty.SecretId });
      await put(empty, "fake-key-1", only, "NEXT");
      expect((await stages(empty))?.[only]?.toSorted()).toEqual(["AWSCURRENT", "NEXT"]);
    },
  },
  {
    name: "no rotation starts while another is unfinished",
    motosWay: "drops the pending version's label and starts one",
    check: async ({ client, SecretId }) => {
      const RotationLambdaARN = "arn:aws:lambda:eu-south-1:000000000000:function:none";
      const asked = client.rotateSecret({ SecretId, RotationLambdaARN });
      await expect(asked).rejects.toMatchObject({ name: "InvalidRequestException" });
    },
  },
];
