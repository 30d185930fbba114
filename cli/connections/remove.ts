import { randomUUID } from "node:crypto";
import { DeleteSecretCommand } from "@aws-sdk/client-secrets-manager";
import { secretName } from "@smart-token-broker/auth-core/rules/settings.ts";
import { systemClock } from "@smart-token-broker/auth-core/rules/clock.ts";
import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import type { Ports } from "@smart-token-broker/auth-core/use-cases/ports.ts";
import { replace } from "@smart-token-broker/auth-core/use-cases/replace.ts";
import { type CommandResult, readId, readInteger } from "../command.ts";
import { brokerCommand } from "../../console/broker-command.ts";
import { type Deployment, settingsPlace } from "../deployment/deployment.ts";
import { findSecret, secretsClient, unknownConnection } from "../deployment/secrets.ts";
import { CommandError } from "../exit.ts";
import { confirmed } from "../terminal/ask.ts";
import { pause, withProgress } from "../terminal/progress.ts";
import { timeOfDay } from "../../console/time.ts";
import { tokenTable } from "./make-due.ts";

export interface RemoveOptions {
  recoveryDays: string;
  yes?: boolean;
}

/** Schedules the deletion of the secret, and deletes the stored tokens now. Revokes nothing at Smart Services. */
export async function removeConnection(
  deployment: Deployment,
  id: string,
  options: RemoveOptions,
): Promise<CommandResult> {
  const connection = readId(id);
  const days = readInteger("--recovery-days", options.recoveryDays, 7, 30);
  const secret = await findSecret(deployment, connection);
  if (!secret) throw await unknownConnection(deployment, connection);
  await confirmed(`Remove ${connection}? Its callers will get no more tokens.`, options.yes ?? false);
  if (secret.deletedAt === undefined) {
    const input = { SecretId: secretName(deployment, connection), RecoveryWindowInDays: days };
    await withProgress("Scheduling the deletion", secretsClient(deployment).send(new DeleteSecretCommand(input)));
  }
  const erased = await withProgress("Deleting the tokens", deleteTokens(deployment, connection));
  const when =
    secret.deletedAt === undefined
      ? `in ${days} days`
      : `at ${timeOfDay(secret.deletedAt, Date.now() / 1000)}, as scheduled before`;
  const restore = brokerCommand(deployment, `connections add ${connection}`);
  const text = [
    `Removed ${connection}. Its secret is deleted ${when}. Until then you can restore it: ${restore}`,
    erased ? "Deleted its tokens. Functions may serve them from memory for up to a minute." : "It had no tokens.",
    ...(secret.isOfStack
      ? [`The stack created its secret. Remove ${connection} from connections in ${settingsPlace(deployment)} too.`]
      : []),
    "The API key is still valid at Smart Services. Ask the vendor to revoke it.",
  ].join("\n");
  return { text: `${text}\n`, json: { connection, recovery_days: days, erased } };
}

/** Deletes the tokens under the lease, as a replacement without a registration does, so that a running commit fails. */
async function deleteTokens(deployment: Deployment, connection: ConnectionId): Promise<boolean> {
  const table = tokenTable(deployment);
  const ports: Ports = {
    table,
    clock: systemClock(),
    random: Math.random,
    newLeaseOwner: randomUUID,
    notice: () => undefined,
    // Not read: a stale read would bring the tokens back.
    registrations: { read: () => Promise.resolve({ kind: "unknown" }) },
    upstream: { call: () => Promise.reject(new Error("Deleting tokens sends no request to Smart Services.")) },
  };
  // A running replacement holds the lease for 15 s at most.
  for (let attempt = 0; attempt < 20; attempt++) {
    const item = await table.read(connection, "strong");
    if (!item || (!item.tokenSet && item.lastError?.code === "unknown_connection")) return attempt > 0;
    const outcome = await replace(ports, connection, item, () => true);
    if (outcome.kind === "failed" && outcome.failure.code === "unknown_connection") return item.tokenSet !== undefined;
    await pause(1);
  }
  throw new CommandError(
    "failed",
    `The secret is scheduled for deletion, but a replacement still holds the lease of ${connection}. Run the command again.`,
  );
}
