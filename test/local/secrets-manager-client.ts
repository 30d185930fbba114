import { SecretsManager } from "@aws-sdk/client-secrets-manager";
import type { RotationEvent } from "../../local/secrets-manager/rotations.ts";
import { type SecretsManager as Emulator, startSecretsManager } from "../../local/secrets-manager/server.ts";

export type { Emulator };

type Options = Parameters<typeof startSecretsManager>[0];

/** Starts an emulator without secrets and an SDK client of it. Return `close` from the hook that starts them. */
export async function startWithClient(options: Pick<Options, "clock"> & Partial<Options>) {
  const emulator = await startSecretsManager({ region: "eu-south-1", accountId: "000000000000", ...options });
  const credentials = { accessKeyId: "FAKEID", secretAccessKey: "fake-secret" };
  const client = new SecretsManager({ region: "eu-south-1", endpoint: emulator.url, credentials, maxAttempts: 1 });
  const close = async () => {
    client.destroy();
    await emulator.close();
  };
  return { emulator, client, close };
}

/** A step of a correct rotation function, which stores fake-key-2. */
export async function rotate(client: SecretsManager, { Step, SecretId, ClientRequestToken }: RotationEvent) {
  if (Step === "createSecret") {
    const VersionStages = ["AWSPENDING"];
    await client.putSecretValue({ SecretId, ClientRequestToken, VersionStages, SecretString: "fake-key-2" });
  }
  if (Step === "finishSecret") {
    const { VersionId } = await client.getSecretValue({ SecretId });
    const version = { MoveToVersionId: ClientRequestToken, RemoveFromVersionId: VersionId };
    await client.updateSecretVersionStage({ SecretId, VersionStage: "AWSCURRENT", ...version });
  }
}
