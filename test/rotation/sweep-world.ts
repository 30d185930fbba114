import type { ConnectionItem } from "../../functions/auth-core/rules/tokens/connection-item.ts";
import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import { partitionOf } from "../../functions/auth-core/rules/tokens/partition.ts";
import type { Ports } from "../../functions/auth-core/use-cases/ports.ts";
import type { SweepSummary } from "../../functions/auth-core/rules/tokens/measurements.ts";
import { sweep } from "../../functions/token-rotation/use-cases/sweep.ts";
import { startWorld, type World } from "../support/world.ts";

/** Seconds after which the first token of a connection is due in a world: half an hour, because its jitter is fixed. */
export const halfLife = 1800;

/** A summary in which all other fields are 0. */
export const summaryOf = (fields: Partial<SweepSummary>): SweepSummary => ({
  due: 0,
  replaced: 0,
  failed: 0,
  erased: 0,
  keysOnly: 0,
  leasedByOthers: 0,
  notDue: 0,
  deferred: 0,
  oldestLateness: 0,
  ...fields,
});

/** One sweep over every partition. By default, a bug ends the test. */
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

/** A world in which one connection is due at this instant. */
export async function startDue(scenario: Parameters<typeof startWorld>[0] = {}) {
  const world = await startWorld(scenario);
  const [connection] = await startConnections(world, "webapicorso");
  world.clock.advance(halfLife);
  return { world, connection: connection! };
}

/** The item of a connection; it must exist. */
export async function itemOf({ ports }: World, connection: ConnectionId): Promise<ConnectionItem> {
  const item = await ports.table.read(connection, "strong");
  if (!item) throw new Error(`${connection} has no item`);
  return item;
}

/** Whether the index `due` has a connection, at any instant. */
export async function isInIndex({ table }: World, connection: ConnectionId): Promise<boolean> {
  const entries = await table.due(partitionOf(connection));
  return entries.some((entry) => entry["connection"]?.S === connection);
}
