import { dynamoDbClient } from "@smart-token-broker/auth-core/adapters/dynamodb-sdk.ts";
import { dynamoDbTokenTable } from "@smart-token-broker/auth-core/adapters/dynamodb.ts";
import { systemClock } from "@smart-token-broker/auth-core/rules/clock.ts";
import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { makeDue as makeConnectionDue, maxWaitSeconds } from "@smart-token-broker/auth-core/use-cases/make-due.ts";
import { brokerCommand } from "../../console/broker-command.ts";
import { clientConfig, type Deployment } from "../deployment/deployment.ts";
import { CommandError, explain } from "../exit.ts";
import { withProgress } from "../terminal/progress.ts";
import { forgetRemoval } from "./forget-removal.ts";

/** The table of token sets, as the functions use it. */
export const tokenTable = (deployment: Deployment) =>
  dynamoDbTokenTable(deployment.tableName, dynamoDbClient(clientConfig(deployment, "dynamodb")));

/** What making a connection due did. */
export interface Renewal {
  /** Whether the sweep replaces its tokens within a minute. Otherwise the first request fetches one. */
  due: boolean;
  /** `attemptedAt` before, for `awaitReplacement`. */
  attemptedAt?: number;
  /** Why it is not due although it should be, and what to do. */
  warning?: string;
}

/**
 * Makes the sweep replace a connection's tokens within a minute. Waits for a running replacement, which may use the old
 * registration.
 *
 * @throws CommandError if other replacements were running for the whole wait
 */
export async function makeDue(
  deployment: Deployment,
  connection: ConnectionId,
  ports = { table: tokenTable(deployment), clock: systemClock() },
): Promise<Renewal> {
  const attemptedAt = (await ports.table.read(connection, "strong"))?.attemptedAt;
  const outcome = await withProgress(
    `Waiting until no replacement of ${connection} is running, at most ${maxWaitSeconds} s`,
    makeConnectionDue(ports, connection),
  );
  if (outcome === "leased") {
    const ran = `Replacements of ${connection} were running for ${maxWaitSeconds} s`;
    throw new CommandError("failed", `${ran}, so it is not due. Retry in a minute.`);
  }
  if (outcome === "never_attempted") await forgetRemoval(ports.table, connection, ports.clock.now());
  return { due: outcome === "due", ...(attemptedAt !== undefined && { attemptedAt }) };
}

/** As `makeDue`, but a failure is only a warning. */
export async function tryMakeDue(deployment: Deployment, connection: ConnectionId): Promise<Renewal> {
  try {
    return await makeDue(deployment, connection);
  } catch (error) {
    const command = brokerCommand(deployment, `connections renew ${connection}`);
    const warning = `its tokens are not replaced now: ${explain(error).message} Replace them: ${command}`;
    return { due: false, warning };
  }
}

/**
 * Runs an action that requests tokens, which may invalidate the token that callers have. However it ends, Ctrl-C
 * included, it makes the connection due. If that fails, the renewal has a warning; an error of the action stays.
 *
 * @param isNeeded whether a result makes the renewal necessary; an error always does
 */
export async function actThenRenew<Result>(
  deployment: Deployment,
  connection: ConnectionId,
  act: () => Promise<Result>,
  isNeeded: (result: Result) => boolean = () => true,
): Promise<{ result: Result; renewal?: Renewal }> {
  const onInterrupt = () => void tryMakeDue(deployment, connection).then(() => process.exit(130));
  process.once("SIGINT", onInterrupt);
  try {
    const result = await act();
    return { result, ...(isNeeded(result) && { renewal: await tryMakeDue(deployment, connection) }) };
  } catch (error) {
    await tryMakeDue(deployment, connection);
    throw error;
  } finally {
    process.off("SIGINT", onInterrupt);
  }
}
