import { PutSecretValueCommand } from "@aws-sdk/client-secrets-manager";
import { secretVersions } from "@smart-token-broker/auth-core/adapters/secret-versions.ts";
import { nextSecret } from "@smart-token-broker/auth-core/rules/next-key.ts";
import { readId, type Said } from "../command.ts";
import { proveByExchange } from "../connections/prove.ts";
import { makeDue } from "../connections/renew.ts";
import { clientConfig, type Deployment, registrationOptions } from "../deployment/deployment.ts";
import { expectSecret, secretName, secretsClient, unfinishedVersion, versionAt } from "../deployment/secrets.ts";
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

/** Proves the next key, puts it under NEXT, and starts the rotation unless it is to wait for its schedule. */
export async function stageKey(deployment: Deployment, id: string, options: StageOptions): Promise<Said> {
  const connection = readId(id);
  const secret = await expectSecret(deployment, connection);
  // On an empty secret Secrets Manager would make the staged value the current one.
  if (versionAt(secret, "AWSCURRENT") === undefined) {
    throw new CommandError("failed", `${connection} has no current key: broker connections add ${connection}.`);
  }
  expectRotationOn(deployment, secret);
  if (unfinishedVersion(secret) !== undefined && !options.waitForSchedule) {
    throw new CommandError("failed", `A rotation of ${connection} is unfinished: broker keys rotate ${connection}.`);
  }
  if (versionAt(secret, "NEXT") !== undefined) {
    await confirmed(`A next key of ${connection} is staged already. Replace it?`, options.yes ?? false);
  }
  const staged = await readSecret(`next API key of ${connection}`, options.keyFile, "--key-file");
  const secrets = secretVersions(deployment.secretPrefix, clientConfig(deployment, "secretsmanager"));
  const current = (await secrets.read(secrets.idOf(connection), { label: "AWSCURRENT" })) ?? "";
  const next = nextSecret(current, staged.reveal(), registrationOptions(deployment));
  if (next.kind === "failed") throw new CommandError("usage", `This cannot be the next key: ${next.detail}.`);

  if (!options.skipExchange) await proveByExchange(deployment, next.registration);
  const input = { SecretId: secretName(deployment, connection), SecretString: staged.reveal() };
  const command = new PutSecretValueCommand({ ...input, VersionStages: ["NEXT"] });
  await withProgress("staging the next key", secretsClient(deployment).send(command));
  const { keyFingerprint } = next.registration;
  if (!options.waitForSchedule) await rotateNow(deployment, secret);
  else if (next.registration.singleActiveToken) await makeDue(deployment, connection);
  const text = options.waitForSchedule
    ? `The next key of ${connection} (${keyFingerprint}) is staged, for its next scheduled rotation.\n`
    : `The new key of ${connection} (${keyFingerprint}) is current; the event api_key_retirable says when to revoke the old one.\n`;
  return { text, json: { connection, key_fingerprint: keyFingerprint, rotated: !options.waitForSchedule } };
}
