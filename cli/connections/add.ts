import { CreateSecretCommand, PutSecretValueCommand, RestoreSecretCommand } from "@aws-sdk/client-secrets-manager";
import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import type { Secret } from "@smart-token-broker/auth-core/rules/secret.ts";
import { readId, readWhole, type Said } from "../command.ts";
import type { Deployment } from "../deployment/deployment.ts";
import { findSecret, secretName, secretsClient, versionAt } from "../deployment/secrets.ts";
import { CommandError } from "../exit.ts";
import { confirmed } from "../terminal/ask.ts";
import { switchRotationOn } from "../keys/rotation.ts";
import { withProgress } from "../terminal/progress.ts";
import { callerStatement } from "./caller-statement.ts";
import { proveByExchange } from "./prove.ts";
import { type RegistrationInput, readRegistration } from "./registration-input.ts";

export interface AddOptions extends RegistrationInput {
  /** Days between two rotations of the key; 0 is off. As the deployment's own secrets where absent. */
  rotateEveryDays?: string;
  skipExchange?: boolean;
  yes?: boolean;
}

/** Adds a connection: proves its values by an exchange, stores them as its secret, and switches its rotation on. */
export async function addConnection(deployment: Deployment, id: string, options: AddOptions): Promise<Said> {
  const connection = readId(id);
  const everyDays =
    options.rotateEveryDays === undefined
      ? deployment.rotateApiKeysEveryDays
      : readWhole("--rotate-every-days", options.rotateEveryDays, 0, 1000);
  const how = await howToStore(deployment, connection, options.yes ?? false);
  const { value, registration, warnings } = await readRegistration(deployment, connection, options);
  const lifetime = options.skipExchange ? undefined : await proveByExchange(registration);
  await withProgress("storing the secret", store(deployment, connection, value, how));
  if (everyDays > 0) await switchRotationOn(deployment, connection, everyDays);

  const statement = callerStatement(deployment, connection);
  const proof =
    lifetime === undefined ? "not proved" : `proved by an exchange: its tokens live ${Math.round(lifetime)} s`;
  const rotation = everyDays > 0 ? `every ${everyDays} days; stage the next one with broker keys stage` : "off";
  const text = [
    `${connection} is added (${how === "restore" ? "restored" : "new"}); its values are ${proof}.`,
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
  return { text: `${text}\n`, json };
}

type How = "create" | "put" | "restore";

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
  const advice = `put another value with broker keys stage ${connection}, or remove it first`;
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
  if (how === "restore") await client.send(new RestoreSecretCommand({ SecretId: name }));
  await client.send(new PutSecretValueCommand({ SecretId: name, SecretString }));
}
