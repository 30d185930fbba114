import type { Clock } from "../rules/clock.ts";
import type { ConnectionId } from "../rules/connection-id.ts";
import { isLeased } from "../rules/connection-item.ts";
import type { KeyTable } from "./ports.ts";

/**
 * Makes a connection due, after whoever is replacing just now: they may still do so with what was registered before.
 * The result: whether there is anything to replace.
 *
 * @throws UnavailableError where the table does not answer
 */
export async function makeDue(
  { table, clock }: { table: KeyTable; clock: Clock },
  connection: ConnectionId,
): Promise<boolean> {
  for (let attempt = 0; attempt < 3; attempt++) {
    if (await table.makeDue(connection, clock.now())) return true;
    const item = await table.read(connection, "strong");
    if (!item || !isLeased(item, clock.now())) return false;
    await clock.sleep((item.leaseUntil ?? 0) - clock.now());
  }
  return false;
}
