import { systemClock } from "@smart-token-broker/auth-core/rules/clock.ts";
import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { type CommandResult, readId } from "../command.ts";
import { brokerCommand, type Deployment } from "../deployment/deployment.ts";
import { expectSecret } from "../deployment/secrets.ts";
import { CommandError, kindOf } from "../exit.ts";
import { withProgress } from "../terminal/progress.ts";
import { awaitReplacement, maxReplacementSeconds } from "./await-replacement.ts";
import { makeDue, tokenTable } from "./make-due.ts";

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
