import { invalidParameter, notFound, resourceExists } from "./errors.ts";
import type { RotationRules } from "./members.ts";

export const CURRENT = "AWSCURRENT";
const PREVIOUS = "AWSPREVIOUS";

/** Instants are epoch seconds. Exactly one member is set; a binary value is base64. */
export interface SecretValue {
  SecretString?: string;
  SecretBinary?: string;
}

/** The rotation of a secret, once configured. Instants are epoch seconds. */
export interface Rotation {
  functionArn: string;
  /** As in the request. Absent: rotated by hand only. */
  rules?: RotationRules;
  /** Seconds from one rotation to the next. */
  interval?: number;
  /** Instant of the first configuration. */
  since: number;
  attemptedAt?: number;
  /** Instant of the last success. */
  rotatedAt?: number;
}

/** A version may have no value yet: a rotation makes it empty, with AWSPENDING, and a put fills it. */
export interface Version {
  id: string;
  value?: SecretValue;
  stages: Set<string>;
  createdAt: number;
}

export interface Secret {
  arn: string;
  name: string;
  tags: Map<string, string>;
  versions: Map<string, Version>;
  createdAt: number;
  changedAt: number;
  /** End of the recovery window, if the secret is scheduled for deletion. */
  deletedAt?: number | undefined;
  rotation?: Rotation;
}

/** The version that has a staging label; at most one version has it. */
export function versionAt(secret: Secret, stage: string): Version | undefined {
  for (const version of secret.versions.values()) if (version.stages.has(stage)) return version;
  return undefined;
}

/**
 * Adds a version with its staging labels, or stores the value of a version that has none yet. A version that already
 * has the same value stays unchanged, also its labels. The caller decides the labels. Throws ResourceExistsException
 * for another value under the same id.
 */
export function addVersion(
  secret: Secret,
  added: { id: string; value?: SecretValue | undefined; stages: readonly string[] },
  now: number,
): Version {
  const known = secret.versions.get(added.id);
  if (known?.value !== undefined) {
    if (!sameValue(known.value, added.value)) throw tokenInUse(secret, added.id);
    return known;
  }
  const version = known ?? { id: added.id, stages: new Set<string>(), createdAt: now };
  if (added.value !== undefined) version.value = added.value;
  secret.versions.set(version.id, version);
  for (const stage of added.stages) attach(secret, version, stage);
  secret.changedAt = now;
  return version;
}

/**
 * Moves a staging label to version `to`, or removes it from `from` if there is no `to`. When AWSCURRENT moves, its
 * former version gets AWSPREVIOUS. A label that is already in place stays. Throws InvalidParameterException if `from`
 * is missing or does not have the label, or if AWSCURRENT would be removed; ResourceNotFoundException for a version
 * that does not exist.
 */
export function moveStage(
  secret: Secret,
  stage: string,
  move: { from?: string | undefined; to?: string | undefined },
): void {
  const holder = versionAt(secret, stage);
  const target = move.to === undefined ? undefined : existing(secret, move.to);
  const source = move.from === undefined ? undefined : existing(secret, move.from);
  if (target === undefined && source === undefined) {
    throw invalidParameter("You must specify RemoveFromVersionId, MoveToVersionId or both.");
  }
  if (source !== undefined && source !== holder && (holder !== undefined || target === undefined)) {
    throw invalidParameter(
      `RemoveFromVersionId must be the version that staging label ${stage} is attached to, and it isn't attached to version ${source.id}.`,
    );
  }
  if (target === undefined) {
    if (stage === CURRENT) {
      throw invalidParameter(
        `You can only move staging label ${CURRENT} to a different secret version. It can't be completely removed.`,
      );
    }
    holder?.stages.delete(stage);
    return;
  }
  if (source === undefined && holder !== undefined && holder !== target) {
    throw invalidParameter(
      `The parameter RemoveFromVersionId can't be empty. Staging label ${stage} is currently attached to version ${holder.id}, so you must explicitly reference that version in RemoveFromVersionId.`,
    );
  }
  attach(secret, target, stage);
}

/** The error for a ClientRequestToken whose version already has a value. */
export function tokenInUse(secret: Secret, token: string) {
  return resourceExists(
    `You can't use ClientRequestToken ${token} because that value is already in use for a version of secret ${secret.arn}.`,
  );
}

function attach(secret: Secret, version: Version, stage: string): void {
  const holder = versionAt(secret, stage);
  if (holder === version) return;
  holder?.stages.delete(stage);
  version.stages.add(stage);
  if (stage === CURRENT && holder !== undefined) attach(secret, holder, PREVIOUS);
}

function existing(secret: Secret, id: string): Version {
  const version = secret.versions.get(id);
  if (version === undefined) throw notFound("Secrets Manager can't find the specified secret version.");
  return version;
}

function sameValue(one: SecretValue, other: SecretValue | undefined): boolean {
  return one.SecretString === other?.SecretString && one.SecretBinary === other?.SecretBinary;
}
