import { PutSecretValueCommand } from "@aws-sdk/client-secrets-manager";
import { secretName } from "@smart-token-broker/auth-core/rules/settings.ts";
import { nextSecret } from "@smart-token-broker/auth-core/rules/keys/next-key.ts";
import type { Registration } from "@smart-token-broker/auth-core/rules/upstream/registration.ts";
import type { Secret } from "@smart-token-broker/auth-core/rules/secret.ts";
import { type CommandResult, readId } from "../command.ts";
import { replacementOutcome } from "../connections/await-replacement.ts";
import { actThenRenew, type Renewal } from "../connections/make-due.ts";
import { putCurrent } from "../connections/set.ts";
import { verifyKey } from "../connections/verify-key.ts";
import { brokerCommand } from "../../console/broker-command.ts";
import { type Deployment, registrationOptions } from "../deployment/deployment.ts";
import {
  expectSecret,
  type SecretFacts,
  secretsClient,
  unfinishedVersion,
  versionAt,
  versionsOf,
} from "../deployment/secrets.ts";
import { CommandError } from "../exit.ts";
import { confirmed } from "../terminal/ask.ts";
import { withProgress } from "../terminal/progress.ts";
import { readSecret } from "../terminal/read-secret.ts";
import { expectRotationOn, rotateNow } from "./rotation.ts";

export interface StageOptions {
  /** The next key, or a whole new registration; `-` is stdin. */
  keyFile?: string;
  waitForSchedule?: boolean;
  /** Wait for the replacement that uses the key. */
  wait?: boolean;
  skipExchange?: boolean;
  yes?: boolean;
}

/**
 * Verifies the next key, stages it under NEXT, and rotates to it unless the schedule should. In a deployment that rotates
 * no keys, the key becomes the current one directly.
 */
export async function stageKey(deployment: Deployment, id: string, options: StageOptions): Promise<CommandResult> {
  const connection = readId(id);
  const secret = await expectSecret(deployment, connection);
  const version = versionAt(secret, "AWSCURRENT");
  // In an empty secret, Secrets Manager would make the staged value the current one.
  if (version === undefined) {
    const add = brokerCommand(deployment, `connections add ${connection}`);
    throw new CommandError("failed", `${connection} has no current key. Store one: ${add}`);
  }
  const isWithoutRotation =
    !secret.rotationEnabled && deployment.rotateApiKeysEveryDays === 0 && !options.waitForSchedule;
  if (!isWithoutRotation) expectRotationOn(deployment, secret);
  if (unfinishedVersion(secret) !== undefined && !options.waitForSchedule) {
    const rotate = brokerCommand(deployment, `keys rotate ${connection}`);
    throw new CommandError("failed", `A rotation of ${connection} is unfinished. Cancel or resume it: ${rotate}`);
  }
  if (versionAt(secret, "NEXT") !== undefined) {
    await confirmed(`${connection} has a staged next key already. Replace it?`, options.yes ?? false);
  }
  const staged = await readSecret(`Next API key of ${connection}`, options.keyFile, "--key-file");
  const secrets = versionsOf(deployment);
  const current = (await secrets.read(secrets.idOf(connection), { version })) ?? "";
  const next = nextSecret(current, staged.reveal(), registrationOptions(deployment));
  if (next.kind === "failed") throw new CommandError("usage", `Invalid next key: ${next.detail}.`);
  const { registration, value } = next;

  const { due, attemptedAt, warning } = isWithoutRotation
    ? await putCurrent(deployment, connection, { value, insteadOf: version })
    : await stageNext(deployment, secret, staged, registration, options);
  const { keyFingerprint } = registration;
  const rotated = !options.waitForSchedule;
  const isCurrent = `The new key of ${connection} (${keyFingerprint}) is current.`;
  const replaced =
    options.wait && due ? await replacementOutcome(deployment, connection, attemptedAt, isCurrent) : undefined;
  const used = due ? "The next attempt, within a minute, uses it." : "The first request uses it.";
  const lines = [
    ...(rotated
      ? [
          replaced || warning !== undefined ? isCurrent : `${isCurrent} ${used}`,
          "The event api_key_retirable says when to revoke the old one.",
        ]
      : [`Staged the next key of ${connection} (${keyFingerprint}). The schedule rotates to it.`]),
    ...(warning === undefined ? [] : [`warning: ${warning}`]),
  ];
  return {
    text: `${lines.join("\n")}\n${replaced?.text ?? ""}`,
    json: {
      connection,
      key_fingerprint: keyFingerprint,
      rotated,
      ...replaced?.json,
      ...(warning !== undefined && { warnings: [warning] }),
    },
  };
}

/** Stages a valid value, and rotates to it unless the schedule should. */
async function stageNext(
  deployment: Deployment,
  secret: SecretFacts,
  staged: Secret,
  registration: Registration,
  { skipExchange, waitForSchedule }: StageOptions,
): Promise<Renewal> {
  const { connection } = secret;
  const { renewal = { due: false } } = await actThenRenew(deployment, connection, async () => {
    if (!skipExchange) await verifyKey(deployment, registration);
    const input = { SecretId: secretName(deployment, connection), SecretString: staged.reveal() };
    const command = new PutSecretValueCommand({ ...input, VersionStages: ["NEXT"] });
    await withProgress("Staging the next key", secretsClient(deployment).send(command));
    if (!waitForSchedule) await rotateNow(deployment, secret);
  });
  return renewal;
}
