import {
  DescribeSecretCommand,
  type DescribeSecretResponse,
  ListSecretsCommand,
  SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import { type ConnectionId, parseConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { CommandError } from "../exit.ts";
import { withProgress } from "../terminal/progress.ts";
import { clientConfig, type Deployment } from "./deployment.ts";

/** What is known of a connection's secret without reading its value. */
export interface SecretFacts {
  connection: ConnectionId;
  arn: string;
  /** Whether CloudFormation made it: then it is listed under `connections` in `cdk.json`. */
  isOfStack: boolean;
  /** Instant; set where it is scheduled for deletion. */
  deletedAt?: number;
  /** Version → its staging labels. */
  labels: Map<string, string[]>;
  rotationEnabled: boolean;
  /** Instants. */
  nextRotationAt?: number;
  lastRotatedAt?: number;
  lastChangedAt?: number;
}

export const secretsClient = (deployment: Deployment) =>
  new SecretsManagerClient(clientConfig(deployment, "secretsmanager"));

export const secretName = ({ secretPrefix }: Deployment, connection: ConnectionId) => `${secretPrefix}/${connection}`;

/** Every secret below the prefix whose name ends in a connection's id, those scheduled for deletion among them. */
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
    const page = await withProgress("listing the secrets", client.send(command));
    for (const { SecretVersionsToStages, ...secret } of page.SecretList ?? []) {
      const connection = parseConnectionId(secret.Name?.slice(prefix.length));
      if (connection) found.push(factsOf(connection, { ...secret, VersionIdsToStages: SecretVersionsToStages }));
    }
    token = page.NextToken;
  } while (token !== undefined);
  return found.toSorted((one, other) => (one.connection < other.connection ? -1 : 1));
}

/** One secret; `undefined` where there is none. */
export async function findSecret(deployment: Deployment, connection: ConnectionId): Promise<SecretFacts | undefined> {
  const command = new DescribeSecretCommand({ SecretId: secretName(deployment, connection) });
  try {
    const described = secretsClient(deployment).send(command);
    return factsOf(connection, await withProgress("looking at the secret", described));
  } catch (error) {
    if ((error as Error).name === "ResourceNotFoundException") return undefined;
    throw error;
  }
}

/** One secret that is in use. Throws CommandError where there is none, or it is scheduled for deletion. */
export async function expectSecret(deployment: Deployment, connection: ConnectionId): Promise<SecretFacts> {
  const secret = await findSecret(deployment, connection);
  const missing = secret ? "is scheduled for deletion" : "does not exist";
  if (secret && secret.deletedAt === undefined) return secret;
  throw new CommandError(
    "notFound",
    `The secret ${secretName(deployment, connection)} ${missing}: see broker connections list, or add it with broker connections add ${connection}.`,
  );
}

/** The version under a label. */
export function versionAt({ labels }: SecretFacts, label: string): string | undefined {
  return [...labels].find(([, its]) => its.includes(label))?.[0];
}

/** The version of a rotation that has not finished. */
export function unfinishedVersion(secret: SecretFacts): string | undefined {
  const pending = versionAt(secret, "AWSPENDING");
  return pending === versionAt(secret, "AWSCURRENT") ? undefined : pending;
}

function factsOf(connection: ConnectionId, secret: DescribeSecretResponse): SecretFacts {
  const { ARN = "", DeletedDate, NextRotationDate, LastRotatedDate, LastChangedDate } = secret;
  return {
    connection,
    arn: ARN,
    isOfStack: (secret.Tags ?? []).some(({ Key }) => Key === "aws:cloudformation:stack-name"),
    ...(DeletedDate && { deletedAt: seconds(DeletedDate) }),
    labels: new Map(Object.entries(secret.VersionIdsToStages ?? {})),
    rotationEnabled: secret.RotationEnabled ?? false,
    ...(NextRotationDate && { nextRotationAt: seconds(NextRotationDate) }),
    ...(LastRotatedDate && { lastRotatedAt: seconds(LastRotatedDate) }),
    ...(LastChangedDate && { lastChangedAt: seconds(LastChangedDate) }),
  };
}

const seconds = (date: Date) => date.getTime() / 1000;
