import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import { partitionOf } from "../../functions/auth-core/rules/tokens/partition.ts";
import type { KeyPorts } from "../../functions/auth-core/use-cases/ports.ts";
import { maintainKeys } from "../../functions/token-rotation/use-cases/maintain-keys.ts";
import { sweep } from "../../functions/token-rotation/use-cases/sweep.ts";

/** One sweep, as if only this connection were due. Rejects at a bug. */
export function sweepOnly(connection: ConnectionId, { table, ...ports }: KeyPorts) {
  const due: typeof table.due = async (...args) =>
    (await table.due(...args)).filter((entry) => entry.connection === connection);
  const own = { ...ports, table: { ...table, due } };
  const bug = (error: unknown) => {
    throw error;
  };
  return sweep(own, { shard: partitionOf(connection), shards: 16 }, bug, (item) => maintainKeys(own, item));
}
