import {
  DescribeSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
  type SecretsManagerClientConfig,
  UpdateSecretVersionStageCommand,
} from "@aws-sdk/client-secrets-manager";
import type { Settings } from "../rules/settings.ts";
import type { RegistrationReading, RegistrationStore, SecretVersions } from "../use-cases/ports.ts";
import { parseRegistration, secretName, UnavailableError } from "./late.ts";
import { limitCalls } from "./whole-call.ts";

const maxAttempts = 3;

/** Milliseconds for reading a secret, all attempts together. */
const readTimeout = 1500;

/**
 * Reads registrations from Secrets Manager: the version of a connection's secret that has a label.
 *
 * Returns a value for what is wrong with a secret. Throws `UnavailableError` if Secrets Manager does not answer in 1.5 s
 * or denies access to the function's role.
 */
export function secretsManagerRegistrations(
  settings: Settings,
  config: SecretsManagerClientConfig = {},
): RegistrationStore {
  const client = secretsManager(1000, config);
  return {
    async read(connection, label = "AWSCURRENT") {
      const SecretId = secretName(settings, connection);
      const command = new GetSecretValueCommand({ SecretId, VersionStage: label });
      try {
        const secret = await client.send(command, { abortSignal: AbortSignal.timeout(readTimeout) });
        if (secret.SecretString === undefined)
          return { kind: "not_ready", detail: "the secret has a binary value, not JSON" };
        return {
          ...parseRegistration(secret.SecretString, settings),
          ...(secret.CreatedDate && { keyCreatedAt: secret.CreatedDate.getTime() / 1000 }),
        };
      } catch (error) {
        const reading = error instanceof Error ? readingOf(error) : undefined;
        if (reading) return reading;
        throw unavailable(error);
      }
    },
  };
}

/**
 * The state of the secret, if the error is about its state; otherwise `undefined`. Secrets Manager has one error for 'no
 * such secret' and 'no value': only the message differs. DescribeSecret would need one more permission.
 */
function readingOf(error: Error): RegistrationReading | undefined {
  switch (error.name) {
    case "ResourceNotFoundException":
      return /secret value/i.test(error.message)
        ? { kind: "not_ready", detail: "the secret has no value yet" }
        : { kind: "unknown" };
    case "InvalidRequestException":
      // A KMS key may be 'pending deletion' too: this must not look like a deleted secret.
      if (mentionsKms.test(error.message)) return cannotDecrypt;
      return /delet/i.test(error.message)
        ? { kind: "unknown" }
        : { kind: "not_ready", detail: "the value of the secret cannot be read", unreadable: true };
    case "DecryptionFailure":
      return cannotDecrypt;
    case "AccessDeniedException":
      // KMS and IAM use the same error name. Only an error of KMS is about this secret.
      return mentionsKms.test(error.message) ? cannotDecrypt : undefined;
    default:
      return undefined;
  }
}

/** Matches an action, a key or a denial of KMS; not a principal with KMS in its name. */
const mentionsKms = /\bkms:|access to KMS\b|\bKMS key\b/i;

const cannotDecrypt: RegistrationReading = {
  kind: "not_ready",
  detail: "the secret cannot be decrypted; its KMS key is disabled, deleted or not the key of the stack",
  unreadable: true,
};

/**
 * The versions and staging labels of secrets, for their rotation. Each call has three attempts of 3 s.
 * Throws `UnavailableError`, whose message never contains a value, if Secrets Manager denies or does not answer a call.
 */
export function secretVersions(secretPrefix: string, config: SecretsManagerClientConfig = {}): SecretVersions {
  const client = secretsManager(3000, config);
  return {
    idOf: (connection) => secretName({ secretPrefix }, connection),

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

/** @param requestTimeout milliseconds per attempt */
function secretsManager(requestTimeout: number, config: SecretsManagerClientConfig): SecretsManagerClient {
  const client = new SecretsManagerClient({
    maxAttempts,
    requestHandler: { connectionTimeout: 1000, requestTimeout, throwOnRequestTimeout: true },
    ...config,
  });
  return limitCalls(client, maxAttempts * requestTimeout);
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
