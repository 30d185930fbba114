import {
  GetSecretValueCommand,
  SecretsManagerClient,
  type SecretsManagerClientConfig,
} from "@aws-sdk/client-secrets-manager";
import { UnavailableError } from "../rules/failure.ts";
import { parseRegistration } from "../rules/registration.ts";
import type { Settings } from "../rules/settings.ts";
import type { RegistrationReading, RegistrationStore } from "../use-cases/ports.ts";

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
  const client = new SecretsManagerClient({
    maxAttempts: 3,
    requestHandler: { connectionTimeout: 1000, requestTimeout: 1000, throwOnRequestTimeout: true },
    ...config,
  });
  return {
    async read(connection, label = "AWSCURRENT") {
      const SecretId = `${settings.secretPrefix}/${connection}`;
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
        const { name, message } = error as Error;
        // The message of a parser would quote the key.
        throw new UnavailableError(`Secrets Manager: ${name}${error instanceof SyntaxError ? "" : `: ${message}`}`);
      }
    },
  };
}

/**
 * The state of a secret that an error shows; `undefined` if it shows none. Secrets Manager has one error for 'no such
 * secret' and 'no value': only the message differs. DescribeSecret would need one more permission.
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
