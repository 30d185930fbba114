import { invalidRequest, notFound, resourceExists } from "./errors.ts";
import { page, passes } from "./listing.ts";
import { type Members, tokenOf, type With } from "./members.ts";
import { SecretRegistry } from "./registry.ts";
import { type RotationOptions, Rotations } from "./rotations.ts";
import { addVersion, CURRENT, moveStage, type Secret, type SecretValue, versionAt } from "./versions.ts";
import { description, listEntry, stagesOf, wireInstant } from "./views.ts";

export interface StoreOptions extends RotationOptions {
  /** Epoch seconds, fractional. */
  clock: { now(): number };
  region: string;
  accountId: string;
}

type Value = Pick<Members, "SecretString" | "SecretBinary">;

const DAY = 86_400;

/**
 * Secrets Manager's state in memory, one method per operation. It expects members that `checkMembers` has checked. It
 * has no HTTP, signatures, IAM or encryption. Throws SecretsManagerError for a request that it rejects.
 */
export class SecretStore {
  readonly #options: StoreOptions;
  readonly #secrets: SecretRegistry;
  readonly rotations: Rotations;

  constructor(options: StoreOptions) {
    this.#options = options;
    this.#secrets = new SecretRegistry(options);
    this.rotations = new Rotations(this.#secrets, options);
  }

  createSecret(input: With<"Name">) {
    const value = valueOf(input);
    const token = value === undefined ? undefined : tokenOf(input);
    const known = this.#secrets.lookUp(input.Name);
    if (known?.deletedAt !== undefined) {
      throw invalidRequest(
        "You can't create this secret because a secret with this name is already scheduled for deletion.",
      );
    }
    if (known !== undefined) {
      throw resourceExists(`The operation failed because the secret ${input.Name} already exists.`);
    }
    const secret = this.#newSecret(input);
    if (token !== undefined) addVersion(secret, { id: token, value, stages: [CURRENT] }, this.#now());
    this.#secrets.add(secret);
    return { ARN: secret.arn, Name: secret.name, VersionId: token };
  }

  describeSecret(input: With<"SecretId">) {
    return description(this.#secrets.find(input.SecretId));
  }

  listSecrets(input: Members) {
    const secrets = this.#secrets
      .all()
      .filter((secret) => secret.deletedAt === undefined || input.IncludePlannedDeletion === true)
      .filter((secret) => passes(secret, input.Filters ?? []));
    const { items, NextToken } = page(secrets, input);
    return { SecretList: items.map(listEntry), NextToken };
  }

  getSecretValue(input: With<"SecretId">) {
    const { VersionId: id, VersionStage: stage = id === undefined ? CURRENT : undefined } = input;
    const secret = this.#secrets.findLive(input.SecretId);
    const version = id === undefined ? versionAt(secret, stage ?? CURRENT) : secret.versions.get(id);
    if (version?.value === undefined) {
      const which = stage === undefined ? `VersionId: ${id}` : `staging label: ${stage}`;
      throw notFound(`Secrets Manager can't find the specified secret value for ${which}`);
    }
    return {
      ARN: secret.arn,
      Name: secret.name,
      VersionId: version.id,
      ...version.value,
      VersionStages: version.stages.size === 0 ? undefined : stagesOf(version),
      CreatedDate: wireInstant(version.createdAt),
    };
  }

  putSecretValue(input: With<"SecretId">) {
    const value = valueOf(input);
    if (value === undefined) throw invalidRequest("You must provide either SecretString or SecretBinary.");
    const id = tokenOf(input);
    const secret = this.#secrets.findLive(input.SecretId);
    const stages = new Set(input.VersionStages ?? [CURRENT]);
    // The first value of a secret is its current one, whatever labels the request has.
    if (versionAt(secret, CURRENT) === undefined) stages.add(CURRENT);
    const version = addVersion(secret, { id, value, stages: [...stages] }, this.#now());
    return { ARN: secret.arn, Name: secret.name, VersionId: version.id, VersionStages: stagesOf(version) };
  }

  updateSecretVersionStage(input: With<"SecretId" | "VersionStage">) {
    const secret = this.#secrets.findLive(input.SecretId);
    moveStage(secret, input.VersionStage, { from: input.RemoveFromVersionId, to: input.MoveToVersionId });
    secret.changedAt = this.#now();
    return { ARN: secret.arn, Name: secret.name };
  }

  deleteSecret(input: With<"SecretId">) {
    const { RecoveryWindowInDays: days = 30, ForceDeleteWithoutRecovery: force = false } = input;
    if (force) return this.#deleteNow(input.SecretId);
    const secret = this.#secrets.findLive(input.SecretId);
    secret.deletedAt = this.#now() + days * DAY;
    return { ARN: secret.arn, Name: secret.name, DeletionDate: wireInstant(secret.deletedAt) };
  }

  restoreSecret(input: With<"SecretId">) {
    const secret = this.#secrets.find(input.SecretId);
    secret.deletedAt = undefined;
    return { ARN: secret.arn, Name: secret.name };
  }

  #now(): number {
    return this.#options.clock.now();
  }

  #newSecret(input: With<"Name">): Secret {
    const now = this.#now();
    return {
      arn: this.#secrets.newArn(input.Name),
      name: input.Name,
      tags: new Map((input.Tags ?? []).map(({ Key, Value }) => [Key, Value])),
      versions: new Map(),
      createdAt: now,
      changedAt: now,
    };
  }

  // Forced deletion of a secret that does not exist is not an error.
  #deleteNow(secretId: string) {
    const secret = this.#secrets.lookUp(secretId);
    if (secret !== undefined) this.#secrets.remove(secret);
    const { arn, name } = secret ?? { arn: this.#secrets.newArn(secretId), name: secretId };
    return { ARN: arn, Name: name, DeletionDate: wireInstant(this.#now()) };
  }
}

function valueOf({ SecretString, SecretBinary }: Value): SecretValue | undefined {
  if (SecretString !== undefined) return { SecretString };
  return SecretBinary === undefined ? undefined : { SecretBinary };
}
