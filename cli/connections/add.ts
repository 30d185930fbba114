import {
  CreateSecretCommand,
  DeleteSecretCommand,
  PutSecretValueCommand,
  RestoreSecretCommand,
} from "@aws-sdk/client-secrets-manager";
import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import type { Secret } from "@smart-token-broker/auth-core/rules/secret.ts";
import { readId, readWhole, type CommandResult } from "../command.ts";
import type { Deployment } from "../deployment/deployment.ts";
import { currentRegistration } from "../deployment/registrations.ts";
import { findSecret, secretName, secretsClient, versionAt } from "../deployment/secrets.ts";
import { CommandError, exitCodes, explain } from "../exit.ts";
import { confirmed } from "../terminal/ask.ts";
import { switchRotationOn } from "../keys/rotation.ts";
import { withProgress } from "../terminal/progress.ts";
import { callerStatement } from "./caller-statement.ts";
import { makeDue } from "./renew.ts";
import { proveByExchange } from "./prove.ts";
import { type RegistrationInput, readRegistration } from "./registration-input.ts";

export interface AddOptions extends RegistrationInput {
  /** Days between two rotations of the key; 0 is off. As the deployment's own secrets where absent. */
  rotateEveryDays?: string;
  skipExchange?: boolean;
  yes?: boolean;
}

/** Adds a connection: proves its values by an exchange, stores them as its secret, and switches its rotation on. */
export async function addConnection(deployment: Deployment, id: string, options: AddOptions): Promise<CommandResult> {
  const connection = readId(id);
  const everyDays =
    options.rotateEveryDays === undefined
      ? deployment.rotateApiKeysEveryDays
      : readWhole("--rotate-every-days", options.rotateEveryDays, 0, 1000);
  const how = await howToStore(deployment, connection, options.yes ?? false);
  const { value, registration, warnings } = await readRegistration(deployment, connection, options);
  const lifetime = options.skipExchange ? undefined : await proveByExchange(deployment, registration);
  await withProgress("storing the secret", store(deployment, connection, value, how));
  // Nobody should wait for the backoff of a value that was unusable.
  await makeDue(deployment, connection).catch((error: unknown) => {
    warnings.push(`its tokens are not renewed at once (${explain(error).message})`);
  });
  const problem = everyDays > 0 ? await rotationProblem(deployment, connection, everyDays) : undefined;
  if (problem !== undefined) warnings.push(problem);

  const statement = callerStatement(deployment, connection);
  const proof =
    lifetime === undefined ? "not proved" : `proved by an exchange: its tokens live ${Math.round(lifetime)} s`;
  const isRotated = everyDays > 0 && problem === undefined;
  const rotation = isRotated ? `every ${everyDays} days; stage the next one with broker keys stage` : "off";
  const text = [
    `${connection} is added (${whatBecame[how]}); its values are ${proof}.`,
    ...warnings.map((warning) => `warning: ${warning}`),
    `Rotation of its key: ${rotation}.`,
    "A caller's role needs this statement, and nothing wider:",
    JSON.stringify(statement, null, 2),
  ].join("\n");
  const json = {
    connection,
    key_fingerprint: registration.keyFingerprint,
    token_lifetime: lifetime,
    warnings,
    statement,
  };
  return { text: `${text}\n`, json, ...(problem !== undefined && { exitCode: exitCodes.failed }) };
}

const whatBecame = { create: "new", put: "new", overwrite: "its old value overwritten", restore: "restored" };

/** The secret is stored and good, whatever becomes of its rotation: a problem is told, with the rest. */
async function rotationProblem(deployment: Deployment, connection: ConnectionId, everyDays: number) {
  try {
    await switchRotationOn(deployment, connection, everyDays);
    return undefined;
  } catch (error) {
    const fix = `broker keys rotate ${connection} --every-days ${everyDays} --wait-for-schedule`;
    return `rotation could not be switched on (${explain(error).message}): ${fix}`;
  }
}

/** `put`: into a secret that has no value yet. */
type How = "create" | "put" | "overwrite" | "restore";

async function howToStore(deployment: Deployment, connection: ConnectionId, yes: boolean): Promise<How> {
  const secret = await findSecret(deployment, connection);
  if (!secret) return "create";
  const name = secretName(deployment, connection);
  if (secret.deletedAt !== undefined) {
    await confirmed(`${name} is scheduled for deletion. Restore it, with these values instead of its own?`, yes);
    return "restore";
  }
  // The stack's own secrets are there before their value is.
  if (versionAt(secret, "AWSCURRENT") === undefined) return "put";
  const reading = await currentRegistration(deployment, connection);
  if (reading.kind === "not_ready" && reading.unreadable) {
    const advice = "it may be a good one: enable the key, or have your role use it";
    throw new CommandError("denied", `The value of ${name} cannot be looked at (${reading.detail}): ${advice}.`);
  }
  if (reading.kind === "not_ready") {
    await confirmed(`The value of ${name} is no registration (${reading.detail}). Overwrite it?`, yes);
    return "overwrite";
  }
  const advice = `change it with broker connections set ${connection} or broker keys stage ${connection}, or remove it first`;
  throw new CommandError("failed", `The connection ${connection} is there already: ${advice}.`);
}

async function store(deployment: Deployment, connection: ConnectionId, value: Secret, how: How): Promise<void> {
  const client = secretsClient(deployment);
  const name = secretName(deployment, connection);
  const SecretString = value.reveal();
  if (how === "create") {
    const Description = `Smart Services registration of the connection ${connection}`;
    await client.send(new CreateSecretCommand({ Name: name, Description, KmsKeyId: deployment.keyArn, SecretString }));
    return;
  }
  const put = () => client.send(new PutSecretValueCommand({ SecretId: name, SecretString }));
  if (how === "restore") await putIntoRestored(deployment, connection, put);
  else await put();
}

/** Restores a secret for a new value; where that cannot be put, its old one must not come back to life instead. */
async function putIntoRestored(deployment: Deployment, connection: ConnectionId, put: () => Promise<unknown>) {
  const client = secretsClient(deployment);
  const SecretId = secretName(deployment, connection);
  const { deletedAt = 0 } = (await findSecret(deployment, connection)) ?? {};
  await client.send(new RestoreSecretCommand({ SecretId }));
  try {
    await put();
  } catch (error) {
    const RecoveryWindowInDays = Math.min(30, Math.max(7, Math.ceil((deletedAt - Date.now() / 1000) / 86_400)));
    await client.send(new DeleteSecretCommand({ SecretId, RecoveryWindowInDays })).catch((second: unknown) => {
      const [first, then] = [error, second].map((problem) => explain(problem).message);
      throw new CommandError(
        "failed",
        `${SecretId} is restored WITH ITS OLD VALUE: the new one could not be put (${first}), and it could not be deleted again (${then}). See to it: broker connections remove ${connection}.`,
      );
    });
    throw error;
  }
}
