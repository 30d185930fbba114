import { secretsManagerRegistrations } from "@smart-token-broker/auth-core/adapters/secrets-manager.ts";
import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import type { RegistrationReading } from "@smart-token-broker/auth-core/use-cases/ports.ts";
import { withProgress } from "../terminal/progress.ts";
import { clientConfig, type Deployment, registrationOptions } from "./deployment.ts";

/** Reads the registration under AWSCURRENT as the functions do. Throws UnavailableError without the permission. */
export function currentRegistration(deployment: Deployment, connection: ConnectionId): Promise<RegistrationReading> {
  const { stage, tableName, secretPrefix } = deployment;
  const settings = { stage, tableName, secretPrefix, rotateKeysEveryDays: 0, ...registrationOptions(deployment) };
  const store = secretsManagerRegistrations(settings, clientConfig(deployment, "secretsmanager"));
  return withProgress("Reading the secret", store.read(connection));
}
