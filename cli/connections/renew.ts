import { dynamoDbTokenTable } from "@smart-token-broker/auth-core/adapters/dynamodb.ts";
import { readId, type Said } from "../command.ts";
import { clientConfig, type Deployment } from "../deployment/deployment.ts";
import { expectSecret } from "../deployment/secrets.ts";
import { withProgress } from "../terminal/progress.ts";

/** Makes a connection due now, whatever its backoff. The schedule replaces its tokens, within a minute. */
export async function renewConnection(deployment: Deployment, id: string): Promise<Said> {
  const connection = readId(id);
  await expectSecret(deployment, connection);
  const table = dynamoDbTokenTable(deployment.tableName, clientConfig(deployment, "dynamodb"));
  const due = await withProgress("writing to the table", table.makeDue(connection, Date.now() / 1000));
  const text = due
    ? `${connection} is due now: its tokens are replaced within a minute (broker status ${connection}).\n`
    : `${connection} has no token to renew: nobody has asked for it yet, and its first request exchanges the key.\n`;
  return { text, json: { connection, due } };
}
