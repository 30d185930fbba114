import { dynamoDbTokenTable } from "@smart-token-broker/auth-core/adapters/dynamodb.ts";
import { systemClock } from "@smart-token-broker/auth-core/rules/clock.ts";
import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { makeDue as makeConnectionDue } from "@smart-token-broker/auth-core/use-cases/make-due.ts";
import { readId, type CommandResult } from "../command.ts";
import { clientConfig, type Deployment } from "../deployment/deployment.ts";
import { expectSecret } from "../deployment/secrets.ts";
import { explain } from "../exit.ts";
import { withProgress } from "../terminal/progress.ts";

/** Makes a connection due now, whatever its backoff. The schedule replaces its tokens, within a minute. */
export async function renewConnection(deployment: Deployment, id: string): Promise<CommandResult> {
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
  return withProgress("writing to the table", makeConnectionDue({ table, clock: systemClock() }, connection));
}

/**
 * Does what may kill the token that callers have, where upstream keeps one active token: an exchange, or several. However
 * it ends, Ctrl-C included, the connection is made due. What cannot be done about that is a warning, and hides no error.
 *
 * @param isNeeded for a result, whether it has to be; always for an error
 */
export async function renewing<Result>(
  deployment: Deployment,
  connection: ConnectionId,
  act: () => Promise<Result>,
  isNeeded: (result: Result) => boolean = () => true,
): Promise<{ result: Result; warning?: string }> {
  const renew = () =>
    makeDue(deployment, connection).then(
      () => undefined,
      (error: unknown) => `its tokens are not renewed at once (${explain(error).message})`,
    );
  const onInterrupt = () => void renew().then(() => process.exit(130));
  process.once("SIGINT", onInterrupt);
  try {
    const result = await act();
    const warning = isNeeded(result) ? await renew() : undefined;
    return { result, ...(warning !== undefined && { warning }) };
  } catch (error) {
    await renew();
    throw error;
  } finally {
    process.off("SIGINT", onInterrupt);
  }
}
