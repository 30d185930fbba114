import { SecretsManager } from "@aws-sdk/client-secrets-manager";
import { inject } from "vitest";
import { startSecretsManager } from "../../local/secrets-manager/server.ts";
import { emulatorConfig } from "../support/aws.ts";

/** A Secrets Manager, ours or moto's. What is true for both is likely to be true for AWS. */
export interface Store {
  config: ReturnType<typeof emulatorConfig>;
  client: SecretsManager;
  close(): Promise<void>;
}

export const storeNames = ["our emulator", "moto"] as const;
export type StoreName = (typeof storeNames)[number];

export async function openStore(name: StoreName): Promise<Store> {
  // Neither store calls the steps of a rotation. The tests do, on the pending version that the store made.
  const ours = name === "moto" ? undefined : await startSecretsManager({ ...options, invokeRotation: () => never });
  const config = emulatorConfig(ours?.url ?? inject("motoUrl"));
  const client = new SecretsManager({ ...config, maxAttempts: 1 });
  return {
    config,
    client,
    async close() {
      client.destroy();
      await ours?.close();
    },
  };
}

const clock = { now: () => Date.now() / 1000 };
const options = { clock, region: "eu-south-1", accountId: "000000000000" };
const never = new Promise<never>(() => undefined);
