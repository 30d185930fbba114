import { dynamoDbClient } from "./adapters/dynamodb-sdk.ts";
import { eventBridge } from "./adapters/eventbridge.ts";
import { secretVersions } from "./adapters/secrets-manager.ts";
import { deployedPorts } from "./deployed-ports.ts";
import type { Notice } from "./rules/notice.ts";
import type { Settings } from "./rules/settings.ts";
import type { KeyIssuer, KeyPorts } from "./use-cases/ports.ts";

/** The ports of the functions that maintain keys. No caller waits for them, so all clients are loaded at start. */
export function deployedKeyPorts(settings: Settings, notice: (notice: Notice) => void): KeyPorts {
  return {
    ...deployedPorts(settings, notice, dynamoDbClient({})),
    secrets: secretVersions(settings.secretPrefix),
    events: eventBridge(settings.stage),
    issuer: {
      issue: async (registration, idempotencyKey) => (await issuer()).issue(registration, idempotencyKey),
      revoke: async (registration, apiKeyId) => (await issuer()).revoke(registration, apiKeyId),
    },
    expectRotation: settings.rotateKeysEveryDays > 0,
  };
}

/** Loaded on first use, because most registrations have no issuer. */
async function issuer(): Promise<KeyIssuer> {
  const { keyIssuer } = await import("./adapters/key-issuer.ts");
  return keyIssuer();
}
