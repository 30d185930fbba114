import {
  DescribeSecretCommand,
  type DescribeSecretResponse,
  ListSecretsCommand,
  SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import { secretName } from "@smart-token-broker/auth-core/rules/settings.ts";
import { secretVersions } from "@smart-token-broker/auth-core/adapters/secrets-manager.ts";
import { type ConnectionId, parseConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { didYouMean } from "@smart-token-broker/auth-core/rules/did-you-mean.ts";
import type { SecretDescription } from "@smart-token-broker/auth-core/use-cases/ports.ts";
import { CommandError, type ErrorDetails } from "../exit.ts";
import { withProgress } from "../terminal/progress.ts";
import { brokerCommand } from "../../console/broker-command.ts";
import { clientConfig, type Deployment } from "./deployment.ts";

/** A connection's secret without its value. */
export interface SecretFacts extends SecretDescription {
  connection: ConnectionId;
  arn: string;
  /** Whether CloudFormation created it: `connections` in the settings then lists it. */
  isOfStack: boolean;
  /** Instant; set if its deletion is scheduled. */
  deletedAt?: number;
}

export const secretsClient = (deployment: Deployment) =>
  new SecretsManagerClient(clientConfig(deployment, "secretsmanager"));

/** The versions of secrets, as the key-rotation function reads and moves them. */
export const versionsOf = (deployment: Deployment) =>
  secretVersions(deployment.secretPrefix, clientConfig(deployment, "secretsmanager"));

/** Lists the secrets of all connections, including those scheduled for deletion. */
export async function allSecrets(deployment: Deployment): Promise<SecretFacts[]> {
  const client = secretsClient(deployment);
  const prefix = `${deployment.secretPrefix}/`;
  const found: SecretFacts[] = [];
  let token: string | undefined;
  do {
    const command = new ListSecretsCommand({
      Filters: [{ Key: "name", Values: [prefix] }],
      IncludePlannedDeletion: true,
      MaxResults: 100,
      NextToken: token,
    });
    const page = await withProgress("Listing the secrets", client.send(command));
    for (const { SecretVersionsToStages, ...secret } of page.SecretList ?? []) {
      const connection = parseConnectionId(secret.Name?.slice(prefix.length));
      if (connection) found.push(factsOf(connection, { ...secret, VersionIdsToStages: SecretVersionsToStages }));
    }
    token = page.NextToken;
  } while (token !== undefined);
  return found.toSorted((one, other) => (one.connection < other.connection ? -1 : 1));
}

/** Describes one secret; `undefined` if it does not exist. */
export async function findSecret(deployment: Deployment, connection: ConnectionId): Promise<SecretFacts | undefined> {
  const command = new DescribeSecretCommand({ SecretId: secretName(deployment, connection) });
  try {
    const described = secretsClient(deployment).send(command);
    return factsOf(connection, await withProgress("Reading the secret's description", described));
  } catch (error) {
    if ((error as Error).name === "ResourceNotFoundException") return undefined;
    throw error;
  }
}

/** Describes one secret. Throws CommandError if it does not exist, or its deletion is scheduled. */
export async function expectSecret(deployment: Deployment, connection: ConnectionId): Promise<SecretFacts> {
  const secret = await findSecret(deployment, connection);
  if (secret && secret.deletedAt === undefined) return secret;
  throw await unknownConnection(deployment, connection);
}

/**
 * The error of every command for a connection without a secret, with the id that may be meant, or for one whose secret is
 * scheduled for deletion.
 *
 * @param details of the broker's answer, if that says so
 */
export async function unknownConnection(
  deployment: Deployment,
  connection: ConnectionId,
  details?: ErrorDetails,
): Promise<CommandError> {
  // A role that may request tokens may lack the permission.
  const secrets = await allSecrets(deployment).catch(() => []);
  const isRemoved = secrets.some((secret) => secret.connection === connection && secret.deletedAt !== undefined);
  const known = secrets.filter(({ deletedAt }) => deletedAt === undefined).map((secret) => secret.connection);
  const message = isRemoved
    ? `The secret of ${connection} is scheduled for deletion. Restore it: ${brokerCommand(deployment, `connections add ${connection}`)}`
    : `There is no connection ${connection}.${didYouMean(connection, known)} List all connections: ${brokerCommand(deployment, "connections list")}`;
  return new CommandError("notFound", message, details);
}

/** The version with a staging label. */
export function versionAt({ labels }: SecretFacts, label: string): string | undefined {
  return [...labels].find(([, stages]) => stages.includes(label))?.[0];
}

/** The version of an unfinished rotation. */
export function unfinishedVersion(secret: SecretFacts): string | undefined {
  const pending = versionAt(secret, "AWSPENDING");
  return pending === versionAt(secret, "AWSCURRENT") ? undefined : pending;
}

function factsOf(connection: ConnectionId, secret: DescribeSecretResponse): SecretFacts {
  const { ARN = "", DeletedDate, NextRotationDate, LastChangedDate } = secret;
  return {
    connection,
    arn: ARN,
    isOfStack: (secret.Tags ?? []).some(({ Key }) => Key === "aws:cloudformation:stack-name"),
    ...(DeletedDate && { deletedAt: seconds(DeletedDate) }),
    labels: new Map(Object.entries(secret.VersionIdsToStages ?? {})),
    rotationEnabled: secret.RotationEnabled ?? false,
    ...(NextRotationDate && { nextRotationAt: seconds(NextRotationDate) }),
    ...(LastChangedDate && { lastChangedAt: seconds(LastChangedDate) }),
  };
}

const seconds = (date: Date) => date.getTime() / 1000;
