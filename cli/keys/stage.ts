import { PutSecretValueCommand } from "@aws-sdk/client-secrets-manager";
import { secretVersions } from "@smart-token-broker/auth-core/adapters/secret-versions.ts";
import { nextSecret } from "@smart-token-broker/auth-core/rules/next-key.ts";
import type { Registration } from "@smart-token-broker/auth-core/rules/registration.ts";
import type { Secret } from "@smart-token-broker/auth-core/rules/secret.ts";
import { readId, type CommandResult } from "../command.ts";
import { proveByExchange } from "../connections/prove.ts";
import { renewing } from "../connections/renew.ts";
import { putCurrent } from "../connections/set.ts";
import { clientConfig, type Deployment, registrationOptions } from "../deployment/deployment.ts";
import {
  expectSecret,
  type SecretFacts,
  secretName,
  secretsClient,
  unfinishedVersion,
  versionAt,
} from "../deployment/secrets.ts";
import { CommandError } from "../exit.ts";
import { confirmed } from "../terminal/ask.ts";
import { withProgress } from "../terminal/progress.ts";
import { readSecret } from "../terminal/read-secret.ts";
import { expectRotationOn, rotateNow } from "./rotation.ts";

export interface StageOptions {
  /** The next key alone, or a whole new registration; `-` is stdin. */
  keyFile?: string;
  waitForSchedule?: boolean;
  skipExchange?: boolean;
  yes?: boolean;
}

/**
 * Proves the next key, puts it under NEXT, and starts the rotation unless it is to wait for its schedule. Where a
 * deployment rotates nothing by choice, it becomes the current one directly.
 */
export async function stageKey(deployment: Deployment, id: string, options: StageOptions): Promise<CommandResult> {
  const connection = readId(id);
  const secret = await expectSecret(deployment, connection);
  const version = versionAt(secret, "AWSCURRENT");
  // On an empty secret Secrets Manager would make the staged value the current one.
  if (version === undefined) {
    throw new CommandError("failed", `${connection} has no current key: broker connections add ${connection}.`);
  }
  const isByHand = !secret.rotationEnabled && deployment.rotateApiKeysEveryDays === 0 && !options.waitForSchedule;
  if (!isByHand) expectRotationOn(deployment, secret);
  if (unfinishedVersion(secret) !== undefined && !options.waitForSchedule) {
    throw new CommandError("failed", `A rotation of ${connection} is unfinished: broker keys rotate ${connection}.`);
  }
  if (versionAt(secret, "NEXT") !== undefined) {
    await confirmed(`A next key of ${connection} is staged already. Replace it?`, options.yes ?? false);
  }
  const staged = await readSecret(`next API key of ${connection}`, options.keyFile, "--key-file");
  const secrets = secretVersions(deployment.secretPrefix, clientConfig(deployment, "secretsmanager"));
  const current = (await secrets.read(secrets.idOf(connection), { version })) ?? "";
  const next = nextSecret(current, staged.reveal(), registrationOptions(deployment));
  if (next.kind === "failed") throw new CommandError("usage", `This cannot be the next key: ${next.detail}.`);
  const { registration, value } = next;

  const warning = isByHand
    ? await putCurrent(deployment, connection, { value, insteadOf: version, skipExchange: false })
    : await stageNext(deployment, secret, staged, registration, options);
  const key = `key of ${connection} (${registration.keyFingerprint})`;
  const text = [
    options.waitForSchedule
      ? `The next ${key} is staged, for its next scheduled rotation.`
      : `The new ${key} is current; the event api_key_retirable says when to revoke the old one.`,
    ...(warning === undefined ? [] : [`warning: ${warning}`]),
  ].join("\n");
  const rotated = !options.waitForSchedule;
  const { keyFingerprint } = registration;
  return {
    text: `${text}\n`,
    json: {
      connection,
      key_fingerprint: keyFingerprint,
      rotated,
      ...(warning !== undefined && { warnings: [warning] }),
    },
  };
}

/** Stages a value that was found good, and rotates to it unless that is to wait. The result: a warning, if any. */
async function stageNext(
  deployment: Deployment,
  secret: SecretFacts,
  staged: Secret,
  registration: Registration,
  { skipExchange, waitForSchedule }: StageOptions,
): Promise<string | undefined> {
  const { connection } = secret;
  const { warning } = await renewing(deployment, connection, async () => {
    if (!skipExchange) await proveByExchange(deployment, registration);
    const input = { SecretId: secretName(deployment, connection), SecretString: staged.reveal() };
    const command = new PutSecretValueCommand({ ...input, VersionStages: ["NEXT"] });
    await withProgress("staging the next key", secretsClient(deployment).send(command));
    if (!waitForSchedule) await rotateNow(deployment, secret);
  });
  return warning;
}
