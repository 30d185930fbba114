import { randomUUID } from "node:crypto";
import { RotateSecretCommand } from "@aws-sdk/client-secrets-manager";
import { secretName } from "@smart-token-broker/auth-core/rules/settings.ts";
import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { nextSecret } from "@smart-token-broker/auth-core/rules/keys/next-key.ts";
import { verifyKey } from "../connections/verify-key.ts";
import { brokerCommand } from "../../console/broker-command.ts";
import { type Deployment, registrationOptions } from "../deployment/deployment.ts";
import {
  expectSecret,
  findSecret,
  type SecretFacts,
  secretsClient,
  unfinishedVersion,
  versionsOf,
} from "../deployment/secrets.ts";
import { CommandError, exitCodes, explain } from "../exit.ts";
import { pause, pollSeconds, withProgress } from "../terminal/progress.ts";

/** Seconds to wait for a rotation: four steps, each of up to a minute. */
const maxRotationSeconds = 240;

/**
 * Starts the rotation of a key, and waits for its end.
 *
 * @param resume the version of an unfinished rotation to resume
 * @param everyDays turns rotation on, with this interval
 * @throws CommandError if the new key did not become current, with the reason if it is visible from here
 */
export async function rotateNow(
  deployment: Deployment,
  secret: SecretFacts,
  { resume, everyDays }: { resume?: string; everyDays?: number } = {},
): Promise<void> {
  const { connection } = secret;
  if (everyDays === undefined) expectRotationOn(deployment, secret);
  const version = resume ?? randomUUID();
  await startRotation(deployment, connection, everyDays, { ClientRequestToken: version });
  await withProgress(`Rotating the key of ${connection}`, untilCurrent(deployment, connection, version));
}

async function startRotation(
  deployment: Deployment,
  connection: ConnectionId,
  everyDays: number | undefined,
  input: { ClientRequestToken: string } | { RotateImmediately: false },
): Promise<void> {
  const schedule = everyDays !== undefined && {
    RotationLambdaARN: deployment.keyRotationFunctionArn,
    RotationRules: { AutomaticallyAfterDays: everyDays },
  };
  const SecretId = secretName(deployment, connection);
  await secretsClient(deployment).send(new RotateSecretCommand({ SecretId, ...input, ...schedule }));
}

/** Throws CommandError if rotation is off: then neither the schedule nor a command can rotate. */
export function expectRotationOn(deployment: Deployment, { connection, rotationEnabled }: SecretFacts): void {
  if (rotationEnabled) return;
  const everyDays = deployment.rotateApiKeysEveryDays || 90;
  const args = `keys rotate ${connection} --every-days ${everyDays} --wait-for-schedule`;
  const next = `Turn it on, then run this command again: ${brokerCommand(deployment, args)}`;
  throw new CommandError("failed", `Rotation of ${connection} is off. ${next}`);
}

async function untilCurrent(deployment: Deployment, connection: ConnectionId, version: string) {
  const step = pollSeconds(deployment, 0.5);
  for (let waited = 0; waited < maxRotationSeconds; waited += step) {
    const { labels } = await expectSecret(deployment, connection);
    const stages = labels.get(version) ?? [];
    if (stages.includes("AWSCURRENT") && !stages.includes("AWSPENDING")) return;
    if (!stages.includes("AWSCURRENT") && !stages.includes("AWSPENDING")) {
      const { reason, mayWork } = await rotationProblem(deployment, connection);
      const [rotate, stage] = ["keys rotate", "keys stage"].map((args) =>
        brokerCommand(deployment, `${args} ${connection}`),
      );
      const next = mayWork ? `Rotate to it again: ${rotate}` : `Stage another key: ${stage}`;
      throw new CommandError(
        "failed",
        `The rotation of ${connection} failed. The current key stays in use. ${reason} ${next}`,
      );
    }
    await pause(step);
  }
  const status = brokerCommand(deployment, `keys status ${connection}`);
  throw new CommandError(
    "failed",
    `The rotation of ${connection} has not finished after 4 minutes. The log of the key-rotation function says why. Check it again: ${status}`,
  );
}

/** Why the rotation failed, as far as this machine can find out, and whether the staged key may work. */
async function rotationProblem(
  deployment: Deployment,
  connection: ConnectionId,
): Promise<{ reason: string; mayWork: boolean }> {
  const secrets = versionsOf(deployment);
  const id = secrets.idOf(connection);
  const current = (await secrets.read(id, { label: "AWSCURRENT" })) ?? "";
  const next = nextSecret(current, await secrets.read(id, { label: "NEXT" }), registrationOptions(deployment));
  if (next.kind === "failed") return { reason: `Cause: ${next.detail}.`, mayWork: false };
  try {
    await verifyKey(deployment, next.registration, false);
  } catch (error) {
    const { message, exitCode } = explain(error);
    return { reason: message, mayWork: exitCode === exitCodes.unreachable };
  }
  const reason = "The staged key works from this machine. The log of the key-rotation function has the cause.";
  return { reason, mayWork: true };
}

/** Seconds to wait until Secrets Manager has tested the rotation function. */
const maxTestSeconds = 60;

/** Turns rotation on, with an interval, and does not rotate now. */
export async function turnRotationOn(
  deployment: Deployment,
  connection: ConnectionId,
  everyDays: number,
): Promise<void> {
  await withProgress(`Turning on the rotation of ${connection}`, turnOn(deployment, connection, everyDays));
}

async function turnOn(deployment: Deployment, connection: ConnectionId, everyDays: number) {
  await startRotation(deployment, connection, everyDays, { RotateImmediately: false });
  // The test creates a pending version, which looks like an unfinished rotation.
  const step = pollSeconds(deployment, 0.5);
  for (let waited = 0; waited < maxTestSeconds; waited += step) {
    const secret = await findSecret(deployment, connection);
    if (!secret || unfinishedVersion(secret) === undefined) return;
    await pause(step);
  }
}
