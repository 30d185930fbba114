import { dynamoDbClient } from "@smart-token-broker/auth-core/adapters/dynamodb-sdk.ts";
import { dynamoDbTokenTable } from "@smart-token-broker/auth-core/adapters/dynamodb.ts";
import { systemClock } from "@smart-token-broker/auth-core/rules/clock.ts";
import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { makeDue as makeConnectionDue } from "@smart-token-broker/auth-core/use-cases/make-due.ts";
import { brokerCommand } from "../../console/broker-command.ts";
import { clientConfig, type Deployment } from "../deployment/deployment.ts";
import { explain } from "../exit.ts";
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
 * registration, at most `waits` times.
 */
export async function makeDue(deployment: Deployment, connection: ConnectionId, waits = 2): Promise<Renewal> {
  const system = systemClock();
  const sleep = (seconds: number) =>
    withProgress(
      `Waiting for the running replacement of ${connection}, at most ${Math.ceil(seconds)} s`,
      system.sleep(seconds),
    );
  const table = tokenTable(deployment);
  const attemptedAt = (await table.read(connection, "strong"))?.attemptedAt;
  const due = await makeConnectionDue({ table, clock: { ...system, sleep } }, connection, { waits });
  if (!due) await forgetRemoval(table, connection, system.now());
  return { due, ...(attemptedAt !== undefined && { attemptedAt }) };
}

/** As `makeDue`, but a failure is only a warning. */
export async function tryMakeDue(deployment: Deployment, connection: ConnectionId, waits?: number): Promise<Renewal> {
  try {
    return await makeDue(deployment, connection, waits);
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
  const onInterrupt = () => void tryMakeDue(deployment, connection, 1).then(() => process.exit(130));
  process.once("SIGINT", onInterrupt);
  try {
    const result = await act();
    return { result, ...(isNeeded(result) && { renewal: await tryMakeDue(deployment, connection) }) };
  } catch (error) {
    // A replacement that starts after this wait is newer than the action.
    await tryMakeDue(deployment, connection, 1);
    throw error;
  } finally {
    process.off("SIGINT", onInterrupt);
  }
}
