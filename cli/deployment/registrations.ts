import { secretsManagerRegistrations } from "@smart-token-broker/auth-core/adapters/secrets-manager.ts";
import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import type { RegistrationReading } from "@smart-token-broker/auth-core/use-cases/ports.ts";
import type { Registration } from "@smart-token-broker/auth-core/rules/upstream/registration.ts";
import { CommandError } from "../exit.ts";
import { withProgress } from "../terminal/progress.ts";
import { brokerCommand } from "../../console/broker-command.ts";
import { clientConfig, type Deployment, registrationOptions } from "./deployment.ts";

/**
 * Reads a registration as the functions do: the current one, or the one before it. Throws UnavailableError without the
 * permission.
 */
export function currentRegistration(
  deployment: Deployment,
  connection: ConnectionId,
  label: "AWSCURRENT" | "AWSPREVIOUS" = "AWSCURRENT",
): Promise<RegistrationReading> {
  const { stage, tableName, secretPrefix } = deployment;
  const settings = { stage, tableName, secretPrefix, rotateKeysEveryDays: 0, ...registrationOptions(deployment) };
  const store = secretsManagerRegistrations(settings, clientConfig(deployment, "secretsmanager"));
  return withProgress("Reading the secret", store.read(connection, label));
}

/** As `currentRegistration`, but throws CommandError if there is no usable value. */
export async function expectRegistration(deployment: Deployment, connection: ConnectionId): Promise<Registration> {
  const reading = await currentRegistration(deployment, connection);
  if (reading.kind === "registered") return reading.registration;
  const show = brokerCommand(deployment, `connections show ${connection}`);
  throw new CommandError("failed", `The secret of ${connection} has no usable value. See why: ${show}`);
}
