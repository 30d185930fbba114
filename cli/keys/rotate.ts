import { type CommandResult, readId, readInteger } from "../command.ts";
import { brokerCommand } from "../../console/broker-command.ts";
import type { Deployment } from "../deployment/deployment.ts";
import { currentRegistration, expectRegistration } from "../deployment/registrations.ts";
import { expectSecret, unfinishedVersion, versionAt, versionsOf } from "../deployment/secrets.ts";
import { CommandError } from "../exit.ts";
import { confirmed } from "../terminal/ask.ts";
import { rotateNow, turnRotationOn } from "./rotation.ts";

export interface RotateOptions {
  everyDays?: string;
  waitForSchedule?: boolean;
  yes?: boolean;
}

/**
 * Rotates a key now. Cancels an unfinished rotation first, after confirmation; resumes it if its key came from an issuer,
 * because that key would be lost.
 */
export async function rotateKeyNow(deployment: Deployment, id: string, options: RotateOptions): Promise<CommandResult> {
  const connection = readId(id);
  const everyDays =
    options.everyDays === undefined ? undefined : readInteger("--every-days", options.everyDays, 1, 1000);
  if (options.waitForSchedule && everyDays === undefined) {
    throw new CommandError(
      "usage",
      "--wait-for-schedule needs --every-days: it sets the schedule, and does not rotate now.",
    );
  }
  const secret = await expectSecret(deployment, connection);
  if (options.waitForSchedule && everyDays !== undefined) {
    await turnRotationOn(deployment, connection, everyDays);
    const stage = brokerCommand(deployment, `keys stage ${connection}`);
    const text = `The key of ${connection} rotates every ${everyDays} days. Stage the next key before: ${stage}\n`;
    return { text, json: { connection, rotate_every_days: everyDays } };
  }
  const isIssued = (await expectRegistration(deployment, connection)).keyIssuer !== undefined;
  const unfinished = unfinishedVersion(secret);
  if (!isIssued && versionAt(secret, "NEXT") === undefined) {
    // While a rotation is unfinished, `keys stage` only stages.
    const wait = unfinished === undefined ? "" : " --wait-for-schedule";
    const stage = brokerCommand(deployment, `keys stage ${connection}${wait}`);
    throw new CommandError("failed", `${connection} has no staged next key. Stage one: ${stage}`);
  }
  if (unfinished !== undefined && !isIssued) {
    await confirmed(`A rotation of ${connection} is unfinished. Cancel it, and rotate again?`, options.yes ?? false);
    const secrets = versionsOf(deployment);
    await secrets.moveLabel(secrets.idOf(connection), "AWSPENDING", { from: unfinished });
  }
  await rotateNow(deployment, secret, {
    ...(isIssued && unfinished !== undefined && { resume: unfinished }),
    ...(everyDays !== undefined && { everyDays }),
  });
  // The rotation has succeeded: an unusable value that an operator has stored meanwhile is no failure of this command.
  const after = await currentRegistration(deployment, connection);
  const keyFingerprint = after.kind === "registered" ? after.registration.keyFingerprint : undefined;
  return {
    text: `Rotated the key of ${connection}.${keyFingerprint === undefined ? "" : ` The current key is ${keyFingerprint}.`}\n`,
    json: { connection, key_fingerprint: keyFingerprint, resumed: isIssued && unfinished !== undefined },
  };
}
