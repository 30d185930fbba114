import type { Tag } from "./members.ts";
import { nextRotationAt } from "./rotation.ts";
import type { Secret, Version } from "./versions.ts";

/** An instant as responses have it: epoch seconds with milliseconds. */
export const wireInstant = (instant: number): number => Math.round(instant * 1000) / 1000;

const optionalInstant = (instant: number | undefined) => (instant === undefined ? undefined : wireInstant(instant));

/** A version's staging labels in the order in which AWS lists them. */
export const stagesOf = (version: Version): string[] => [...version.stages].toSorted();

/**
 * The response of DescribeSecret. A member without a value is absent: a secret without a version has no
 * VersionIdsToStages.
 */
export function description(secret: Secret) {
  return { ...metadata(secret), VersionIdsToStages: versionsToStages(secret) };
}

/** One entry of the response of ListSecrets. */
export function listEntry(secret: Secret) {
  return { ...metadata(secret), SecretVersionsToStages: versionsToStages(secret) };
}

function metadata(secret: Secret) {
  return {
    ARN: secret.arn,
    Name: secret.name,
    ...rotationMetadata(secret),
    CreatedDate: wireInstant(secret.createdAt),
    LastChangedDate: wireInstant(secret.changedAt),
    DeletedDate: optionalInstant(secret.deletedAt),
    Tags: secret.tags.size === 0 ? undefined : tagsOf(secret),
  };
}

// AWS leaves out RotationEnabled for a secret whose rotation was never configured.
function rotationMetadata(secret: Secret) {
  const { functionArn, rules, rotatedAt } = secret.rotation ?? {};
  return {
    RotationEnabled: secret.rotation !== undefined,
    RotationLambdaARN: functionArn,
    RotationRules: rules,
    LastRotatedDate: optionalInstant(rotatedAt),
    NextRotationDate: optionalInstant(nextRotationAt(secret)),
  };
}

function tagsOf(secret: Secret): Tag[] {
  return [...secret.tags].map(([Key, Value]) => ({ Key, Value }));
}

function versionsToStages(secret: Secret): Record<string, string[]> | undefined {
  const labelled = [...secret.versions.values()].filter((version) => version.stages.size > 0);
  return labelled.length === 0
    ? undefined
    : Object.fromEntries(labelled.map((version) => [version.id, stagesOf(version)]));
}
