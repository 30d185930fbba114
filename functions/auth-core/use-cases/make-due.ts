import type { Clock } from "../rules/clock.ts";
import type { ConnectionId } from "../rules/connection-id.ts";
import { isLeased } from "../rules/connection-item.ts";
import type { KeyTable } from "./ports.ts";

/**
 * Makes a connection due. Waits for a running replacement first, because it may use the old registration.
 * Returns whether the connection has a token set to replace.
 *
 * @param delay seconds from now until it is due
 * @throws UnavailableError if the table is unavailable
 */
export async function makeDue(
  { table, clock }: { table: KeyTable; clock: Clock },
  connection: ConnectionId,
  delay = 0,
): Promise<boolean> {
  for (let attempt = 0; attempt < 3; attempt++) {
    if (await table.makeDue(connection, clock.now(), clock.now() + delay)) return true;
    const item = await table.read(connection, "strong");
    if (!item || !isLeased(item, clock.now())) return false;
    await clock.sleep((item.leaseUntil ?? 0) - clock.now());
  }
  return false;
}
