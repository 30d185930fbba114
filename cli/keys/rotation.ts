import { randomUUID } from "node:crypto";
import { RotateSecretCommand } from "@aws-sdk/client-secrets-manager";
import { secretVersions } from "@smart-token-broker/auth-core/adapters/secret-versions.ts";
import { nextSecret } from "@smart-token-broker/auth-core/rules/next-key.ts";
import { clientConfig, type Deployment, registrationOptions } from "../deployment/deployment.ts";
import {
  expectSecret,
  findSecret,
  type SecretFacts,
  secretName,
  secretsClient,
  unfinishedVersion,
} from "../deployment/secrets.ts";
import { CommandError } from "../exit.ts";
import { pause, withProgress } from "../terminal/progress.ts";
import { proveByExchange } from "../connections/prove.ts";

/** Seconds that a rotation is waited for: four steps, each of up to a minute. */
const longest = 240;

/**
 * Starts the rotation of a key and waits for its end.
 *
 * @param resume the version of an unfinished rotation to go on with
 * @param everyDays sets the schedule, and switches rotation on
 * @throws CommandError where the new key did not become current, with the reason if it can be told from here
 */
export async function rotateNow(
  deployment: Deployment,
  secret: SecretFacts,
  { resume, everyDays }: { resume?: string; everyDays?: number } = {},
): Promise<void> {
  const { connection } = secret;
  if (everyDays === undefined) expectRotationOn(deployment, secret);
  const version = resume ?? randomUUID();
  const command = new RotateSecretCommand({
    SecretId: secretName(deployment, connection),
    ClientRequestToken: version,
    ...(everyDays !== undefined && {
      RotationLambdaARN: deployment.keyRotationFunctionArn,
      RotationRules: { AutomaticallyAfterDays: everyDays },
    }),
  });
  await secretsClient(deployment).send(command);
  await withProgress(`rotating the key of ${connection}`, untilCurrent(deployment, connection, version));
}

/** Throws CommandError where rotation is not switched on: neither a schedule nor a person can rotate then. */
export function expectRotationOn(
  { rotateApiKeysEveryDays }: Deployment,
  { connection, rotationEnabled }: SecretFacts,
): void {
  if (rotationEnabled) return;
  const command = `broker keys rotate ${connection} --every-days ${rotateApiKeysEveryDays || 90} --wait-for-schedule`;
  throw new CommandError("failed", `Rotation is not switched on for ${connection}: ${command}, then repeat this.`);
}

async function untilCurrent(deployment: Deployment, connection: SecretFacts["connection"], version: string) {
  for (let waited = 0; waited < longest; waited += 0.5) {
    const { labels } = await expectSecret(deployment, connection);
    const its = labels.get(version) ?? [];
    if (its.includes("AWSCURRENT") && !its.includes("AWSPENDING")) return;
    if (!its.includes("AWSCURRENT") && !its.includes("AWSPENDING")) {
      const reason = await whyNot(deployment, connection);
      throw new CommandError(
        "failed",
        `The rotation of ${connection} failed, and the current key stands: ${reason} Stage another with broker keys stage ${connection}.`,
      );
    }
    await pause(0.5);
  }
  throw new CommandError(
    "failed",
    `The rotation of ${connection} is not finished: broker keys status ${connection}; the log of the key-rotation function says why.`,
  );
}

/** What is wrong with the staged key, as far as it can be seen from here: the function's log knows more. */
async function whyNot(deployment: Deployment, connection: SecretFacts["connection"]): Promise<string> {
  const secrets = secretVersions(deployment.secretPrefix, clientConfig(deployment, "secretsmanager"));
  const id = secrets.idOf(connection);
  const current = (await secrets.read(id, { label: "AWSCURRENT" })) ?? "";
  const next = nextSecret(current, await secrets.read(id, { label: "NEXT" }), registrationOptions(deployment));
  if (next.kind === "failed") return `${next.detail}.`;
  try {
    await proveByExchange(deployment, next.registration);
  } catch (error) {
    return (error as Error).message;
  }
  return "the staged key works from here; the log of the key-rotation function says more.";
}

/** Seconds that Secrets Manager's own trial of the rotation function may take. */
const maxTrialSeconds = 60;

/** Switches rotation on, with a schedule, and rotates nothing now. */
export async function switchRotationOn(
  deployment: Deployment,
  connection: SecretFacts["connection"],
  everyDays: number,
): Promise<void> {
  await withProgress(`switching on the rotation of ${connection}`, switchedOn(deployment, connection, everyDays));
}

async function switchedOn(deployment: Deployment, connection: SecretFacts["connection"], everyDays: number) {
  await secretsClient(deployment).send(
    new RotateSecretCommand({
      SecretId: secretName(deployment, connection),
      RotationLambdaARN: deployment.keyRotationFunctionArn,
      RotationRules: { AutomaticallyAfterDays: everyDays },
      RotateImmediately: false,
    }),
  );
  // The trial has a pending version of its own, which would pass for an unfinished rotation.
  for (let waited = 0; waited < maxTrialSeconds; waited += 0.2) {
    const secret = await findSecret(deployment, connection);
    if (!secret || unfinishedVersion(secret) === undefined) return;
    await pause(0.2);
  }
}
