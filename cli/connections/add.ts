import {
  CreateSecretCommand,
  DeleteSecretCommand,
  PutSecretValueCommand,
  RestoreSecretCommand,
} from "@aws-sdk/client-secrets-manager";
import { secretName } from "@smart-token-broker/auth-core/rules/settings.ts";
import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import type { Secret } from "@smart-token-broker/auth-core/rules/secret.ts";
import { type CommandResult, readId, readInteger } from "../command.ts";
import { brokerCommand } from "../../console/broker-command.ts";
import { withCommand } from "../../console/cause.ts";
import { missingApi } from "../../console/missing-api.ts";
import { knownCallers } from "../deployment/deployed-callers.ts";
import type { Deployment } from "../deployment/deployment.ts";
import { currentRegistration } from "../deployment/registrations.ts";
import { findSecret, secretsClient, versionAt } from "../deployment/secrets.ts";
import { CommandError, exitCodes, explain } from "../exit.ts";
import { turnRotationOn } from "../keys/rotation.ts";
import { confirmed } from "../terminal/ask.ts";
import { withProgress } from "../terminal/progress.ts";
import { duration } from "../../console/time.ts";
import { callerStatement } from "./caller-statement.ts";
import { type RegistrationInput, readRegistration } from "./registration-input.ts";
import { tryMakeDue } from "./make-due.ts";
import { extendSampleList } from "./sample-list.ts";
import { verifyKey } from "./verify-key.ts";

export interface AddOptions extends RegistrationInput {
  /** Rotation interval in days, 0 for off. Default: the deployment's. */
  rotateEveryDays?: string;
  skipExchange?: boolean;
  yes?: boolean;
}

/** Adds a connection: verifies its key, stores its secret, and turns its rotation on. */
export async function addConnection(deployment: Deployment, id: string, options: AddOptions): Promise<CommandResult> {
  const connection = readId(id);
  const everyDays =
    options.rotateEveryDays === undefined
      ? deployment.rotateApiKeysEveryDays
      : readInteger("--rotate-every-days", options.rotateEveryDays, 0, 1000);
  const step = await storeStep(deployment, connection, options.yes ?? false);
  const { value, registration, warnings } = await readRegistration(deployment, connection, options);
  const lifetime = options.skipExchange ? undefined : await verifyKey(deployment, registration);
  await withProgress("Storing the secret", store(deployment, connection, value, step));
  // Otherwise the backoff of an earlier, unusable value would delay the first token.
  const { warning: notDue } = await tryMakeDue(deployment, connection);
  const rotationOff = everyDays > 0 ? await tryTurnRotationOn(deployment, connection, everyDays) : undefined;
  warnings.push(...[notDue, rotationOff].filter((warning) => warning !== undefined));

  const statement = callerStatement(deployment, connection);
  const verified =
    lifetime === undefined
      ? "Its values are not verified (--skip-exchange)."
      : `Smart Services accepted the key; tokens last ${duration(lifetime)}.`;
  const callers = deployment.local && (await extendSampleList(deployment, connection));
  if (registration.apiBaseUrl === undefined) {
    const missing = missingApi(connection, undefined, await knownCallers(deployment));
    if (missing) warnings.push(`${missing.why} ${withCommand(deployment)(missing.fix)}`);
  }
  const isRotated = everyDays > 0 && rotationOff === undefined;
  const stage = brokerCommand(deployment, `keys stage ${connection}`);
  const text = [
    `${done[step](connection)} ${verified}`,
    ...warnings.map((warning) => `warning: ${warning}`),
    `Key rotation: ${isRotated ? `every ${everyDays} days. Stage the next key before: ${stage}` : "off."}`,
    ...(callers === undefined ? [] : [callers]),
    "Attach exactly this statement to a caller's role:",
    JSON.stringify(statement, null, 2),
  ].join("\n");
  const json = {
    connection,
    key_fingerprint: registration.keyFingerprint,
    token_lifetime: lifetime,
    warnings,
    statement,
  };
  return { text: `${text}\n`, json, ...(rotationOff !== undefined && { exitCode: exitCodes.failed }) };
}

const done: Record<StoreStep, (connection: string) => string> = {
  create: (connection) => `Added ${connection}.`,
  put: (connection) => `Added ${connection}.`,
  overwrite: (connection) => `Added ${connection}, and overwrote its unusable value.`,
  restore: (connection) => `Restored ${connection} with the new values.`,
};

/** Turns rotation on. A failure is only a warning, because the connection is usable. */
async function tryTurnRotationOn(deployment: Deployment, connection: ConnectionId, everyDays: number) {
  try {
    await turnRotationOn(deployment, connection, everyDays);
    return undefined;
  } catch (error) {
    const args = `keys rotate ${connection} --every-days ${everyDays} --wait-for-schedule`;
    return `key rotation is off: ${explain(error).message} Turn it on: ${brokerCommand(deployment, args)}`;
  }
}

/** `put`: into a secret without a value. */
type StoreStep = "create" | "put" | "overwrite" | "restore";

async function storeStep(deployment: Deployment, connection: ConnectionId, yes: boolean): Promise<StoreStep> {
  const secret = await findSecret(deployment, connection);
  if (!secret) return "create";
  const name = secretName(deployment, connection);
  if (secret.deletedAt !== undefined) {
    await confirmed(`The secret ${name} is scheduled for deletion. Restore it with the new values?`, yes);
    return "restore";
  }
  // The stack creates its secrets without a value.
  if (versionAt(secret, "AWSCURRENT") === undefined) return "put";
  const reading = await currentRegistration(deployment, connection);
  if (reading.kind === "not_ready" && reading.unreadable) {
    const next = "The value may be valid: enable the KMS key, or grant your role its use (docs/cli.md#permissions).";
    throw new CommandError("denied", `The value of ${name} cannot be read (${reading.detail}). ${next}`);
  }
  if (reading.kind === "not_ready") {
    await confirmed(`The value of ${name} is not a valid registration (${reading.detail}). Overwrite it?`, yes);
    return "overwrite";
  }
  const [set, stage] = ["connections set", "keys stage"].map((args) =>
    brokerCommand(deployment, `${args} ${connection}`),
  );
  throw new CommandError(
    "failed",
    `The connection ${connection} exists already. Change its fields: ${set}, or its key: ${stage}`,
  );
}

async function store(deployment: Deployment, connection: ConnectionId, value: Secret, step: StoreStep): Promise<void> {
  const client = secretsClient(deployment);
  const name = secretName(deployment, connection);
  const SecretString = value.reveal();
  if (step === "create") {
    const Description = `Smart Services registration of the connection ${connection}`;
    await client.send(new CreateSecretCommand({ Name: name, Description, KmsKeyId: deployment.keyArn, SecretString }));
    return;
  }
  const put = () => client.send(new PutSecretValueCommand({ SecretId: name, SecretString }));
  if (step === "restore") await putIntoRestored(deployment, connection, put);
  else await put();
}

/** Restores a secret and stores a new value. If that fails, deletes the secret again: its old value must not be used. */
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
      const [putError, deleteError] = [error, second].map((problem) => explain(problem).message);
      const remove = brokerCommand(deployment, `connections remove ${connection}`);
      throw new CommandError(
        "failed",
        `${SecretId} is restored WITH ITS OLD VALUE. The new value could not be stored: ${putError} The secret could not be deleted again: ${deleteError} Delete it: ${remove}`,
      );
    });
    throw error;
  }
}
