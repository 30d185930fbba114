import type { Clock } from "../rules/clock.ts";
import type { ConnectionId } from "../rules/connection-id.ts";
import { isLeased } from "../rules/tokens/connection-item.ts";
import type { KeyTable } from "./ports.ts";

/**
 * Makes a connection due. Waits for a running replacement first, because it may use the old registration.
 * Returns whether it is due: not if no replacement was ever attempted, or if one is still running.
 *
 * @param delay seconds from now until it is due
 * @param waits maximum number of waits, each until the end of a lease
 * @throws UnavailableError if the table is unavailable
 */
export async function makeDue(
  { table, clock }: { table: KeyTable; clock: Clock },
  connection: ConnectionId,
  { delay = 0, waits = 2 }: { delay?: number; waits?: number } = {},
): Promise<boolean> {
  for (let waited = 0; ; waited++) {
    if (await table.makeDue(connection, clock.now(), clock.now() + delay)) return true;
    const item = await table.read(connection, "strong");
    if (!item || !isLeased(item, clock.now()) || waited >= waits) return false;
    await clock.sleep((item.leaseUntil ?? 0) - clock.now());
  }
}
