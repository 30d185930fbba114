import type { Clock } from "../rules/clock.ts";
import type { ConnectionId } from "../rules/connection-id.ts";
import { isLeased } from "../rules/tokens/connection-item.ts";
import type { KeyTable } from "./ports.ts";

/**
 * Seconds: longer than a lease, so that a replacement that is still running began after the call. Two such waits and a test
 * of a key fit into a step of a rotation.
 */
export const maxWaitSeconds = 20;

/** `never_attempted`: the first request gets a token. `leased`: replacements were running for the whole wait. */
export type DueOutcome = "due" | "never_attempted" | "leased";

/**
 * Makes a connection due. Waits for a running replacement first, because it may use the old registration.
 *
 * @param delay seconds from now until it is due
 * @throws UnavailableError if the table is unavailable
 */
export async function makeDue(
  { table, clock }: { table: KeyTable; clock: Clock },
  connection: ConnectionId,
  { delay = 0 }: { delay?: number } = {},
): Promise<DueOutcome> {
  for (const until = clock.now() + maxWaitSeconds; ; ) {
    const now = clock.now();
    if (await table.makeDue(connection, now, now + delay)) return "due";
    const item = await table.read(connection, "strong");
    if (item?.attemptedAt === undefined) return "never_attempted";
    if (clock.now() >= until) return "leased";
    // Without a lease, the replacement has ended since the write.
    await clock.sleep(isLeased(item, clock.now()) ? 1 : 0.125);
  }
}
