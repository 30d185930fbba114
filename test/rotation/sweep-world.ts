import type { ConnectionItem } from "../../functions/auth-core/rules/connection-item.ts";
import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import { partitionOf } from "../../functions/auth-core/rules/fingerprint.ts";
import type { Ports } from "../../functions/auth-core/use-cases/ports.ts";
import type { SweepSummary } from "../../functions/auth-core/telemetry.ts";
import { sweep } from "../../functions/token-rotation/sweep.ts";
import type { World } from "../support/world.ts";

/** Seconds after which the first token of a connection is due in a world: half of an hour, its jitter being fixed. */
export const halfLife = 1800;

/** A summary with nothing in it but these fields. */
export const summaryOf = (fields: Partial<SweepSummary>): SweepSummary => ({
  due: 0,
  replaced: 0,
  failed: 0,
  erased: 0,
  keysOnly: 0,
  leasedByOthers: 0,
  deferred: 0,
  oldestLateness: 0,
  ...fields,
});

/** One sweep over every partition. A bug ends the test, unless somebody listens. */
export function sweepAll(
  { ports }: World,
  other: Partial<Ports> = {},
  bug: (error: unknown) => void = (error) => {
    throw error;
  },
): Promise<SweepSummary> {
  return sweep({ ...ports, ...other }, { shard: 0, shards: 1 }, bug);
}

/** Registers connections and gets the first token of each. */
export async function startConnections(world: World, ...names: string[]): Promise<ConnectionId[]> {
  const connections = names.map((name) => world.register(name));
  for (const connection of connections) await world.service().get(connection, { minTtl: 60 });
  return connections;
}

/** The item of a connection that must be there. */
export async function itemOf({ ports }: World, connection: ConnectionId): Promise<ConnectionItem> {
  const item = await ports.table.read(connection, "strong");
  if (!item) throw new Error(`there is no item of ${connection}`);
  return item;
}

/** Whether the index `due` has a connection, at whatever instant. */
export async function isInIndex({ table }: World, connection: ConnectionId): Promise<boolean> {
  const entries = await table.due(partitionOf(connection));
  return entries.some((entry) => entry["connection"]?.S === connection);
}
