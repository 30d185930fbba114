import { SecretsManager } from "@aws-sdk/client-secrets-manager";
import { inject, onTestFinished } from "vitest";
import { emulatorConfig } from "../../fixtures/aws.ts";

/** A client of moto's Secrets Manager, until the test ends. */
export function openMoto() {
  const config = emulatorConfig(inject("motoUrl"));
  const client = new SecretsManager({ ...config, maxAttempts: 1 });
  onTestFinished(() => client.destroy());
  return { config, client };
}
