import type { ConnectionStatus } from "@smart-token-broker/status/rules/connection-status.ts";
import type { CommandResult } from "../command.ts";
import { brokerCommand } from "../../console/broker-command.ts";
import type { Deployment } from "../deployment/deployment.ts";
import { allSecrets, type SecretFacts, versionAt } from "../deployment/secrets.ts";
import { allStatuses, areTokensDeleted } from "../deployment/statuses.ts";
import { stateCell } from "../status/state-cell.ts";
import { plain, table } from "../terminal/table.ts";

interface Listed {
  connection: string;
  secret: "present" | "empty" | "deleted" | "none";
  /** Of the token set; `no token yet` if the table has no item. */
  state: ConnectionStatus["state"] | "no token yet";
  rotation: boolean;
}

/** Lists every connection that has a secret or an item, including those that were never requested. */
export async function listConnections(deployment: Deployment): Promise<CommandResult> {
  const [secrets, statuses] = await Promise.all([allSecrets(deployment), allStatuses(deployment)]);
  const listed = join(secrets, statuses);
  if (listed.length === 0) {
    return {
      json: [],
      text: `There is no connection yet. Add one: ${brokerCommand(deployment, "connections add ID")}\n`,
    };
  }
  const rows = listed.map(({ connection, state, secret, rotation }) => [
    { text: connection },
    stateCell(state),
    ...plain(secret, rotation ? "on" : "off"),
  ]);
  const head = plain("CONNECTION", "STATE", "SECRET", "ROTATION");
  return { json: listed, text: table([head, ...rows]) };
}

/** Joins secrets and items by connection id, and sorts them by it. Pure. */
export function join(secrets: SecretFacts[], statuses: ConnectionStatus[]): Listed[] {
  const secretOf = new Map(secrets.map((secret) => [secret.connection, secret]));
  const statusOf = new Map(statuses.map((status) => [status.connection, status]));
  const ids = [...new Set([...secretOf.keys(), ...statusOf.keys()])].toSorted();
  return ids.map((connection) => {
    const secret = secretOf.get(connection);
    const status = statusOf.get(connection);
    return {
      connection,
      secret: secretState(secret),
      state: status && !isUnused(status, secret) ? status.state : "no token yet",
      rotation: secret?.rotationEnabled ?? false,
    };
  });
}

/** Whether the next request fetches the first token, although the table has an item. */
function isUnused(status: ConnectionStatus, secret: SecretFacts | undefined): boolean {
  if (areTokensDeleted(status)) return secret !== undefined && secret.deletedAt === undefined;
  return status.state === "due" && status.access_token_expires_at === undefined;
}

function secretState(secret: SecretFacts | undefined): Listed["secret"] {
  if (!secret) return "none";
  if (secret.deletedAt !== undefined) return "deleted";
  return versionAt(secret, "AWSCURRENT") === undefined ? "empty" : "present";
}
