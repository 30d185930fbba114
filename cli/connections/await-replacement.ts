import { type Clock, systemClock } from "@smart-token-broker/auth-core/rules/clock.ts";
import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { type ConnectionItem, isLeased } from "@smart-token-broker/auth-core/rules/tokens/connection-item.ts";
import type { TokenTable } from "@smart-token-broker/auth-core/use-cases/ports.ts";
import { brokerCommand } from "../../console/broker-command.ts";
import type { Deployment } from "../deployment/deployment.ts";
import { CommandError, kindOf } from "../exit.ts";
import { pollSeconds, withProgress } from "../terminal/progress.ts";
import { timeOfDay } from "../../console/time.ts";
import { tokenTable } from "./make-due.ts";

/** Seconds: the sweep runs each minute, may have other connections to replace first, and a replacement takes up to 15 s. */
export const maxReplacementSeconds = 150;

/**
 * Waits until a replacement that started after `since` has ended. Returns its outcome: the item, without `lastError` after a
 * success; `undefined` if none has ended in time.
 *
 * @param since `attemptedAt` of the item before
 * @param ports.every seconds between two readings
 */
export async function awaitReplacement(
  { table, clock, every }: { table: TokenTable; clock: Clock; every: number },
  connection: ConnectionId,
  since: number | undefined,
): Promise<ConnectionItem | undefined> {
  const until = clock.now() + maxReplacementSeconds;
  while (clock.now() < until) {
    const item = await table.read(connection, "strong");
    if (item && item.attemptedAt !== since && !isLeased(item, clock.now())) return item;
    await clock.sleep(every);
  }
  return undefined;
}

/**
 * Waits for a replacement as `awaitReplacement` does, and describes its outcome.
 *
 * @param done what the command has already done, for an error
 * @throws CommandError if the replacement fails, with its cause and code, or does not come
 */
export async function replacementOutcome(
  deployment: Deployment,
  connection: ConnectionId,
  since: number | undefined,
  done = "",
) {
  const before = done === "" ? "" : `${done} `;
  const ports = { table: tokenTable(deployment), clock: systemClock(), every: pollSeconds(deployment, 1) };
  const item = await withProgress(
    "Waiting for the replacement, about a minute",
    awaitReplacement(ports, connection, since),
  );
  if (!item) {
    const doctor = brokerCommand(deployment, "doctor");
    throw new CommandError(
      "failed",
      `${before}${connection} was not replaced in ${maxReplacementSeconds} s. The schedule may be off: ${doctor}`,
    );
  }
  const { lastError: error, generation, tokenSet } = item;
  if (error || !tokenSet) {
    const status = brokerCommand(deployment, `status ${connection}`);
    throw new CommandError(kindOf(error?.code), `${before}${error?.detail ?? "There is no token."} See ${status}`, {
      ...(error && { code: error.code }),
    });
  }
  const until = Math.floor(tokenSet.accessTokenExpiresAt);
  return {
    text: `Replaced the tokens of ${connection}: generation ${generation}, valid until ${timeOfDay(until, Date.now() / 1000)}.\n`,
    json: { replaced: true, generation, access_token_expires_at: new Date(until * 1000).toISOString() },
  };
}
