import { type CommandResult, readId } from "../command.ts";
import { brokerCommand } from "../../console/broker-command.ts";
import type { Deployment } from "../deployment/deployment.ts";
import { expectSecret } from "../deployment/secrets.ts";
import { replacementOutcome } from "./await-replacement.ts";
import { makeDue } from "./make-due.ts";

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
  const { due, attemptedAt } = await makeDue(deployment, connection);
  if (wait && due) {
    const { text, json } = await replacementOutcome(deployment, connection, attemptedAt);
    return { text, json: { connection, due, ...json } };
  }
  const text = due
    ? `${connection} is due now; the next attempt is within a minute: ${brokerCommand(deployment, `status ${connection}`)}\n`
    : `${connection} has no token yet. Get one: ${brokerCommand(deployment, `token get ${connection}`)}\n`;
  return { text, json: { connection, due } };
}
