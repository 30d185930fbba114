import {
  GetSecretValueCommand,
  SecretsManagerClient,
  type SecretsManagerClientConfig,
} from "@aws-sdk/client-secrets-manager";
import { UnavailableError } from "../rules/failure.ts";
import { parseRegistration } from "../rules/registration.ts";
import type { Settings } from "../rules/settings.ts";
import type { RegistrationReading, RegistrationStore } from "../use-cases/ports.ts";

/** Milliseconds that one reading of a secret may take in all. */
const readTimeout = 1500;

/**
 * The registrations in Secrets Manager: a version of `{secretPrefix}/{connection}`, by its label. Reads only.
 *
 * What is wrong with a secret is a value; an `UnavailableError` means that Secrets Manager did not answer in 1.5 s, or
 * refused the function's role.
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
        if (secret.SecretString === undefined) return { kind: "not_ready", detail: "the secret holds bytes, not JSON" };
        return {
          ...parseRegistration(secret.SecretString, settings),
          ...(secret.CreatedDate && { keyCreatedAt: secret.CreatedDate.getTime() / 1000 }),
        };
      } catch (error) {
        const reading = error instanceof Error ? readingOf(error) : undefined;
        if (reading) return reading;
        const { name, message } = error as Error;
        // A parser's own message quotes the text, which holds the key.
        throw new UnavailableError(`Secrets Manager: ${name}${error instanceof SyntaxError ? "" : `: ${message}`}`);
      }
    },
  };
}

/**
 * The state of a secret that an error tells. Secrets Manager has one error for 'no such secret' and 'no value in it',
 * told apart by its message only: asking DescribeSecret instead would need a permission more.
 */
function readingOf(error: Error): RegistrationReading | undefined {
  switch (error.name) {
    case "ResourceNotFoundException":
      return /secret value/i.test(error.message)
        ? { kind: "not_ready", detail: "the secret has no value yet" }
        : { kind: "unknown" };
    case "InvalidRequestException":
      // A KMS key may be 'pending deletion' too: that must never pass for a secret that is gone.
      if (speaksOfKms.test(error.message)) return cannotDecrypt;
      return /delet/i.test(error.message)
        ? { kind: "unknown" }
        : { kind: "not_ready", detail: "the secret's value cannot be read", unreadable: true };
    case "DecryptionFailure":
      return cannotDecrypt;
    case "AccessDeniedException":
      // KMS's refusal and IAM's come under one name; only the first is about this secret.
      return speaksOfKms.test(error.message) ? cannotDecrypt : undefined;
    default:
      return undefined;
  }
}

/** An action or a key of KMS, or its refusal; not a principal that merely has KMS in its name. */
const speaksOfKms = /\bkms:|access to KMS\b|\bKMS key\b/i;

const cannotDecrypt: RegistrationReading = {
  kind: "not_ready",
  detail: "the secret cannot be decrypted: its KMS key is disabled, deleted or not the stack's",
  unreadable: true,
};
