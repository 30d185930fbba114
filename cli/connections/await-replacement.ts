import type { Clock } from "@smart-token-broker/auth-core/rules/clock.ts";
import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { type ConnectionItem, isLeased } from "@smart-token-broker/auth-core/rules/connection-item.ts";
import type { TokenTable } from "@smart-token-broker/auth-core/use-cases/ports.ts";

/** Seconds: the sweep runs each minute, may have other connections to replace first, and a replacement takes up to 15 s. */
export const maxReplacementSeconds = 150;

/**
 * Waits until a replacement that started after `since` has ended. Returns its outcome: the item, without `lastError` after a
 * success; `undefined` if none has ended in time.
 *
 * @param since `attemptedAt` of the item before
 */
export async function awaitReplacement(
  { table, clock }: { table: TokenTable; clock: Clock },
  connection: ConnectionId,
  since: number | undefined,
): Promise<ConnectionItem | undefined> {
  const until = clock.now() + maxReplacementSeconds;
  while (clock.now() < until) {
    const item = await table.read(connection, "strong");
    if (item && item.attemptedAt !== since && !isLeased(item, clock.now())) return item;
    await clock.sleep(1);
  }
  return undefined;
}
