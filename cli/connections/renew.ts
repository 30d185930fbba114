import { dynamoDbTokenTable } from "@smart-token-broker/auth-core/adapters/dynamodb.ts";
import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { readId, type Said } from "../command.ts";
import { clientConfig, type Deployment } from "../deployment/deployment.ts";
import { expectSecret } from "../deployment/secrets.ts";
import { withProgress } from "../terminal/progress.ts";

/** Makes a connection due now, whatever its backoff. The schedule replaces its tokens, within a minute. */
export async function renewConnection(deployment: Deployment, id: string): Promise<Said> {
  const connection = readId(id);
  await expectSecret(deployment, connection);
  const due = await makeDue(deployment, connection);
  const text = due
    ? `${connection} is due now: its tokens are replaced within a minute (broker status ${connection}).\n`
    : `${connection} has no token to renew: its first request gets one (broker token get ${connection}).\n`;
  return { text, json: { connection, due } };
}

/** Has the sweep replace a connection's tokens, within a minute. The result: whether there is anything to replace. */
export function makeDue(deployment: Deployment, connection: ConnectionId): Promise<boolean> {
  const table = dynamoDbTokenTable(deployment.tableName, clientConfig(deployment, "dynamodb"));
  return withProgress("writing to the table", table.makeDue(connection, Date.now() / 1000));
}
