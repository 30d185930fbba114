import { secretVersions } from "@smart-token-broker/auth-core/adapters/secret-versions.ts";
import { readId, readWhole, type CommandResult } from "../command.ts";
import { clientConfig, type Deployment } from "../deployment/deployment.ts";
import { currentRegistration } from "../deployment/registrations.ts";
import { expectSecret, unfinishedVersion, versionAt } from "../deployment/secrets.ts";
import { CommandError } from "../exit.ts";
import { confirmed } from "../terminal/ask.ts";
import { rotateNow, switchRotationOn } from "./rotation.ts";

export interface RotateOptions {
  everyDays?: string;
  waitForSchedule?: boolean;
  yes?: boolean;
}

/**
 * Rotates a key now. An unfinished rotation is cleared first, after asking; one whose key came from an issuer is gone on
 * with, because its key would be lost.
 */
export async function rotateKeyNow(deployment: Deployment, id: string, options: RotateOptions): Promise<CommandResult> {
  const connection = readId(id);
  const everyDays = options.everyDays === undefined ? undefined : readWhole("--every-days", options.everyDays, 1, 1000);
  if (options.waitForSchedule && everyDays === undefined) {
    throw new CommandError(
      "usage",
      "--wait-for-schedule goes with --every-days: it sets the schedule and rotates nothing now.",
    );
  }
  const secret = await expectSecret(deployment, connection);
  if (options.waitForSchedule && everyDays !== undefined) {
    await switchRotationOn(deployment, connection, everyDays);
    const text = `The key of ${connection} is rotated every ${everyDays} days; stage the next one with broker keys stage.\n`;
    return { text, json: { connection, rotate_every_days: everyDays } };
  }
  const reading = await currentRegistration(deployment, connection);
  if (reading.kind !== "registered") {
    throw new CommandError(
      "failed",
      `${connection} has no usable value to rotate: broker connections show ${connection}.`,
    );
  }
  const isIssued = reading.registration.keyIssuer !== undefined;
  if (!isIssued && versionAt(secret, "NEXT") === undefined) {
    throw new CommandError("failed", `No next key of ${connection} is staged: broker keys stage ${connection}.`);
  }
  const unfinished = unfinishedVersion(secret);
  if (unfinished !== undefined && !isIssued) {
    await confirmed(`A rotation of ${connection} is unfinished. Drop its pending version?`, options.yes ?? false);
    const secrets = secretVersions(deployment.secretPrefix, clientConfig(deployment, "secretsmanager"));
    await secrets.moveLabel(secrets.idOf(connection), "AWSPENDING", { from: unfinished });
  }
  await rotateNow(deployment, secret, {
    ...(isIssued && unfinished !== undefined && { resume: unfinished }),
    ...(everyDays !== undefined && { everyDays }),
  });
  const after = await currentRegistration(deployment, connection);
  const keyFingerprint = after.kind === "registered" ? after.registration.keyFingerprint : undefined;
  return {
    text: `The key of ${connection} is rotated: ${keyFingerprint} is current.\n`,
    json: { connection, key_fingerprint: keyFingerprint, resumed: isIssued && unfinished !== undefined },
  };
}
