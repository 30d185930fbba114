import { dynamoDbClient } from "@smart-token-broker/auth-core/adapters/dynamodb-sdk.ts";
import { dynamoDbTokenTable } from "@smart-token-broker/auth-core/adapters/dynamodb.ts";
import { systemClock } from "@smart-token-broker/auth-core/rules/clock.ts";
import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { makeDue as makeConnectionDue } from "@smart-token-broker/auth-core/use-cases/make-due.ts";
import { type CommandResult, readId } from "../command.ts";
import { brokerCommand, clientConfig, type Deployment } from "../deployment/deployment.ts";
import { expectSecret } from "../deployment/secrets.ts";
import { CommandError, type ErrorKind, explain } from "../exit.ts";
import { withProgress } from "../terminal/progress.ts";
import { awaitReplacement, maxReplacementSeconds } from "./await-replacement.ts";
import { forgetRemoval } from "./forget-removal.ts";

export interface RenewOptions {
  /** Wait for the outcome of the replacement. */
  wait?: boolean;
}

/**
 * Makes a connection due now, whatever its backoff. The schedule replaces its tokens within a minute.
 *
 * @throws CommandError with `wait` if the replacement fails, with its cause and code, or does not come
 */
export async function renewConnection(
  deployment: Deployment,
  id: string,
  { wait = false }: RenewOptions,
): Promise<CommandResult> {
  const connection = readId(id);
  await expectSecret(deployment, connection);
  const before = wait ? await tokenTable(deployment).read(connection, "strong") : undefined;
  const due = await makeDue(deployment, connection);
  if (wait && due) return outcomeOf(deployment, connection, before?.attemptedAt);
  const text = due
    ? `${connection} is due. Its tokens are replaced within a minute: ${brokerCommand(deployment, `status ${connection}`)}\n`
    : `${connection} has no token yet. Get one: ${brokerCommand(deployment, `token get ${connection}`)}\n`;
  return { text, json: { connection, due } };
}

async function outcomeOf(deployment: Deployment, connection: ConnectionId, since: number | undefined) {
  const ports = { table: tokenTable(deployment), clock: systemClock() };
  const item = await withProgress(
    "Waiting for the replacement, about a minute",
    awaitReplacement(ports, connection, since),
  );
  if (!item) {
    const doctor = brokerCommand(deployment, "doctor");
    throw new CommandError(
      "failed",
      `${connection} was not replaced in ${maxReplacementSeconds} s. The schedule may be off: ${doctor}`,
    );
  }
  const { lastError: error, generation, tokenSet } = item;
  if (error || !tokenSet) {
    const status = brokerCommand(deployment, `status ${connection}`);
    throw new CommandError(kindOf(error?.code), `${error?.detail ?? "There is no token."} See ${status}`, {
      ...(error && { code: error.code }),
    });
  }
  const until = new Date(Math.floor(tokenSet.accessTokenExpiresAt) * 1000).toISOString();
  return {
    text: `Replaced the tokens of ${connection}: generation ${generation}, valid until ${until}.\n`,
    json: { connection, due: true, replaced: true, generation, access_token_expires_at: until },
  };
}

/** The kind of the error of a replacement, for the exit code. */
function kindOf(code: string | undefined): ErrorKind {
  if (code === "credentials_rejected") return "denied";
  return code === "upstream_unavailable" || code === "unavailable" ? "unreachable" : "failed";
}

/** The table of token sets, as the functions use it. */
export const tokenTable = (deployment: Deployment) =>
  dynamoDbTokenTable(deployment.tableName, dynamoDbClient(clientConfig(deployment, "dynamodb")));

/**
 * Makes the sweep replace a connection's tokens within a minute. Returns whether the connection has any. Waits for a
 * running replacement, which may use the old registration, at most `waits` times.
 */
export async function makeDue(deployment: Deployment, connection: ConnectionId, waits?: number): Promise<boolean> {
  const system = systemClock();
  const sleep = (seconds: number) =>
    withProgress(
      `Waiting for the running replacement of ${connection}, at most ${Math.ceil(seconds)} s`,
      system.sleep(seconds),
    );
  const table = tokenTable(deployment);
  const isDue = await makeConnectionDue({ table, clock: { ...system, sleep } }, connection, waits);
  if (!isDue) await forgetRemoval(table, connection, system.now());
  return isDue;
}

/** As `makeDue`, but a failure is only a warning. */
export async function tryMakeDue(
  deployment: Deployment,
  connection: ConnectionId,
  waits?: number,
): Promise<string | undefined> {
  try {
    await makeDue(deployment, connection, waits);
    return undefined;
  } catch (error) {
    const command = brokerCommand(deployment, `connections renew ${connection}`);
    return `its tokens are not replaced now: ${explain(error).message} Replace them: ${command}`;
  }
}

/**
 * Runs an action that requests tokens, which may invalidate the token that callers have. However it ends, Ctrl-C
 * included, it makes the connection due. If that fails, the result has a warning; an error of the action stays.
 *
 * @param isNeeded whether a result makes the renewal necessary; an error always does
 */
export async function actThenRenew<Result>(
  deployment: Deployment,
  connection: ConnectionId,
  act: () => Promise<Result>,
  isNeeded: (result: Result) => boolean = () => true,
): Promise<{ result: Result; warning?: string }> {
  const onInterrupt = () => void tryMakeDue(deployment, connection, 1).then(() => process.exit(130));
  process.once("SIGINT", onInterrupt);
  try {
    const result = await act();
    const warning = isNeeded(result) ? await tryMakeDue(deployment, connection) : undefined;
    return { result, ...(warning !== undefined && { warning }) };
  } catch (error) {
    // A replacement that starts after this wait is newer than the action.
    await tryMakeDue(deployment, connection, 1);
    throw error;
  } finally {
    process.off("SIGINT", onInterrupt);
  }
}
