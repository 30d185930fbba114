import { SecretsManager } from "@aws-sdk/client-secrets-manager";
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
