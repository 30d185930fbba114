import {
  DescribeSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
  type SecretsManagerClientConfig,
  UpdateSecretVersionStageCommand,
} from "@aws-sdk/client-secrets-manager";
import { UnavailableError } from "../rules/failure.ts";
import type { SecretVersions } from "../use-cases/ports.ts";

/**
 * The versions and staging labels of secrets, for their rotation. Each call has a timeout of 3 s and three attempts.
 * Throws `UnavailableError`, whose message never contains a value, if Secrets Manager denies or does not answer a call.
 */
export function secretVersions(secretPrefix: string, config: SecretsManagerClientConfig = {}): SecretVersions {
  const client = new SecretsManagerClient({
    maxAttempts: 3,
    requestHandler: { connectionTimeout: 1000, requestTimeout: 3000, throwOnRequestTimeout: true },
    ...config,
  });
  return {
    idOf: (connection) => `${secretPrefix}/${connection}`,

    async describe(secretId) {
      const secret = await orNothing(client.send(new DescribeSecretCommand({ SecretId: secretId })));
      if (!secret || secret.DeletedDate) return undefined;
      return {
        labels: new Map(Object.entries(secret.VersionIdsToStages ?? {})),
        rotationEnabled: secret.RotationEnabled ?? false,
        ...(secret.NextRotationDate && { nextRotationAt: secret.NextRotationDate.getTime() / 1000 }),
        ...(secret.LastChangedDate && { lastChangedAt: secret.LastChangedDate.getTime() / 1000 }),
      };
    },

    async read(secretId, { version, label }) {
      const input = { SecretId: secretId, VersionId: version, VersionStage: label };
      const secret = await orNothing(client.send(new GetSecretValueCommand(input)));
      return secret?.SecretString;
    },

    async createdAt(secretId, version) {
      const input = { SecretId: secretId, VersionId: version };
      const secret = await orNothing(client.send(new GetSecretValueCommand(input)));
      return secret?.CreatedDate && secret.CreatedDate.getTime() / 1000;
    },

    async putPending(secretId, version, value) {
      const input = { SecretId: secretId, ClientRequestToken: version, SecretString: value.reveal() };
      await asUnavailable(client.send(new PutSecretValueCommand({ ...input, VersionStages: ["AWSPENDING"] })));
    },

    async moveLabel(secretId, label, { to, from }) {
      const input = { SecretId: secretId, VersionStage: label, MoveToVersionId: to, RemoveFromVersionId: from };
      try {
        await client.send(new UpdateSecretVersionStageCommand(input));
        return true;
      } catch (error) {
        // Something else has moved the label from this version.
        if (nameOf(error) === "InvalidParameterException") return false;
        throw unavailable(error);
      }
    },
  };
}

async function asUnavailable<Output>(sent: Promise<Output>): Promise<Output> {
  try {
    return await sent;
  } catch (error) {
    throw unavailable(error);
  }
}

/** `undefined` for a missing secret, version or value. */
async function orNothing<Output>(sent: Promise<Output>): Promise<Output | undefined> {
  try {
    return await sent;
  } catch (error) {
    if (nameOf(error) === "ResourceNotFoundException") return undefined;
    throw unavailable(error);
  }
}

function unavailable(error: unknown): UnavailableError {
  // The message of a parser would quote the key.
  const message = error instanceof Error && !(error instanceof SyntaxError) ? `: ${error.message}` : "";
  return new UnavailableError(`Secrets Manager: ${nameOf(error)}${message}`);
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : "unknown error";
}
