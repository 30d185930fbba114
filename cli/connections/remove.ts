import { randomUUID } from "node:crypto";
import { DeleteSecretCommand } from "@aws-sdk/client-secrets-manager";
import { dynamoDbTokenTable } from "@smart-token-broker/auth-core/adapters/dynamodb.ts";
import { systemClock } from "@smart-token-broker/auth-core/rules/clock.ts";
import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import type { Ports } from "@smart-token-broker/auth-core/use-cases/ports.ts";
import { replace } from "@smart-token-broker/auth-core/use-cases/replace.ts";
import { readId, readWhole, type CommandResult } from "../command.ts";
import { clientConfig, type Deployment } from "../deployment/deployment.ts";
import { findSecret, secretName, secretsClient } from "../deployment/secrets.ts";
import { CommandError } from "../exit.ts";
import { confirmed } from "../terminal/ask.ts";
import { pause, withProgress } from "../terminal/progress.ts";

export interface RemoveOptions {
  recoveryDays: string;
  yes?: boolean;
}

/** Schedules the secret's deletion, and erases the stored tokens at once. Revokes nothing at Smart Services. */
export async function removeConnection(
  deployment: Deployment,
  id: string,
  options: RemoveOptions,
): Promise<CommandResult> {
  const connection = readId(id);
  const days = readWhole("--recovery-days", options.recoveryDays, 7, 30);
  const secret = await findSecret(deployment, connection);
  if (!secret) throw new CommandError("notFound", `There is no connection ${connection}: see broker connections list.`);
  await confirmed(`Remove ${connection}? Its callers get no token any more.`, options.yes ?? false);
  if (secret.deletedAt === undefined) {
    const input = { SecretId: secretName(deployment, connection), RecoveryWindowInDays: days };
    await withProgress("scheduling the deletion", secretsClient(deployment).send(new DeleteSecretCommand(input)));
  }
  const erased = await withProgress("erasing the tokens", eraseTokens(deployment, connection));
  const text = [
    `${connection} is removed: its secret is deleted ${secret.deletedAt === undefined ? `in ${days} days` : `on ${new Date(secret.deletedAt * 1000).toISOString().slice(0, 10)}, as it was scheduled before`}, until then broker connections add restores it.`,
    erased
      ? "Its tokens are erased; what functions hold in memory is handed out for up to a minute."
      : "It had no tokens.",
    ...(secret.isOfStack ? [`The stack made its secret: take ${connection} off connections in cdk.json too.`] : []),
    "The API key is still valid at Smart Services: have the vendor revoke it.",
  ].join("\n");
  return { text: `${text}\n`, json: { connection, recovery_days: days, erased } };
}

/** Erases as a replacement does that finds the registration gone: under the lease, fencing off what is in flight. */
async function eraseTokens(deployment: Deployment, connection: ConnectionId): Promise<boolean> {
  const table = dynamoDbTokenTable(deployment.tableName, clientConfig(deployment, "dynamodb"));
  const ports: Ports = {
    table,
    clock: systemClock(),
    random: Math.random,
    newLeaseOwner: randomUUID,
    notice: () => undefined,
    // Known without asking, and a reading that lags behind must not bring the tokens back.
    registrations: { read: () => Promise.resolve({ kind: "unknown" }) },
    upstream: { call: () => Promise.reject(new Error("Nothing is asked of Smart Services to erase tokens.")) },
  };
  // A replacement in flight holds the lease for 15 s at most.
  for (let attempt = 0; attempt < 20; attempt++) {
    const item = await table.read(connection, "strong");
    if (!item || (!item.tokenSet && item.lastError?.code === "unknown_connection")) return attempt > 0;
    const outcome = await replace(ports, connection, item, () => true);
    if (outcome.kind === "failed" && outcome.failure.code === "unknown_connection") return item.tokenSet !== undefined;
    await pause(1);
  }
  throw new CommandError(
    "failed",
    `The secret is scheduled for deletion, but a replacement holds the tokens of ${connection}: repeat this command.`,
  );
}
