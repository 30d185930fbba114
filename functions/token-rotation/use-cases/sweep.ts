import type { SweepSummary } from "@smart-token-broker/auth-core/rules/tokens/measurements.ts";
import { type ConnectionItem, isLeased } from "@smart-token-broker/auth-core/rules/tokens/connection-item.ts";
import { UnavailableError } from "@smart-token-broker/auth-core/rules/failure.ts";
import { replacementDueAt } from "@smart-token-broker/auth-core/rules/tokens/schedule.ts";
import type { DueConnection, Ports } from "@smart-token-broker/auth-core/use-cases/ports.ts";
import { replace } from "@smart-token-broker/auth-core/use-cases/replace.ts";
import { partitionsOf, type Shard } from "../rules/shard.ts";

/** Retires and checks the keys of a connection that was due. Resolves with whether the end of a key has passed. */
type MaintainKeys = (item: ConnectionItem) => Promise<boolean>;

type Outcome = "replaced" | "failed" | "erased" | "keysOnly" | "leasedByOthers" | "notDue";

/** Seconds during which a sweep starts replacements. The last ones may take one lease longer. */
const sweepSeconds = 40;

/** Concurrent replacements (lanes), and how many of them may be of connections that failed last time. */
const lanes = 16;
const failingLanes = 4;

/**
 * Replaces the token sets that are due in the shard's partitions, by the same path that callers use. Reads only what is
 * due, so its cost does not grow with the number of connections.
 *
 * Connections that failed last time have separate lanes: many failing ones do not delay the healthy ones. A failure
 * of one connection does not stop the others.
 *
 * @param bug receives every unexpected error; the connection counts as failed
 * @throws UnavailableError if the index cannot be read
 */
export async function sweep(
  ports: Ports,
  shard: Shard,
  bug: (error: unknown) => void,
  maintainKeys?: MaintainKeys,
): Promise<SweepSummary> {
  const { clock } = ports;
  const startedAt = clock.now();
  // Waits for all of them, so that no request is still open when one of them fails the sweep.
  const pages = await Promise.allSettled(partitionsOf(shard).map((partition) => ports.table.due(partition, startedAt)));
  const due = pages.flatMap((page) => {
    if (page.status === "rejected") throw page.reason;
    return page.value;
  });
  due.sort((a, b) => a.nextActionAt - b.nextActionAt);

  const summary: SweepSummary = {
    due: due.length,
    replaced: 0,
    failed: 0,
    erased: 0,
    keysOnly: 0,
    leasedByOthers: 0,
    notDue: 0,
    deferred: 0,
    oldestLateness: Math.max(0, startedAt - (due[0]?.nextActionAt ?? startedAt)),
  };

  const healthy = due.filter(({ failures }) => failures === 0);
  const failing = due.filter(({ failures }) => failures > 0);
  const lane = async (take: () => DueConnection | undefined) => {
    for (let next = take(); next; next = take()) {
      const isOver = clock.now() >= startedAt + sweepSeconds;
      summary[isOver ? "deferred" : await act(ports, next, bug, maintainKeys)] += 1;
    }
  };
  await Promise.all([
    ...Array.from({ length: lanes - failingLanes }, () => lane(() => healthy.shift())),
    ...Array.from({ length: failingLanes }, () => lane(() => failing.shift() ?? healthy.shift())),
  ]);
  return summary;
}

/** Does what is due for one connection, by a fresh read of its item: the index may lag behind. */
async function act(
  ports: Ports,
  { connection }: DueConnection,
  bug: (error: unknown) => void,
  maintainKeys: MaintainKeys | undefined,
): Promise<Outcome> {
  const { table, clock } = ports;
  try {
    const item = await table.read(connection, "strong");
    if (!item) return "notDue";
    const outcome = isDue(item, clock.now()) || isAbandoned(item, clock.now()) ? await renew(ports, item) : "notDue";
    const hadKeys = (await maintainKeys?.(item)) ?? false;
    return hadKeys && outcome === "notDue" ? "keysOnly" : outcome;
  } catch (error) {
    if (!(error instanceof UnavailableError)) bug(error);
    else ports.notice({ kind: "table_unavailable", connection, reason: error.message });
    return "failed";
  }
}

function isDue(item: ConnectionItem, now: number): boolean {
  return (replacementDueAt(item) ?? Number.POSITIVE_INFINITY) <= now;
}

/** Whether the process that had the lease died before it stored an outcome. */
function isAbandoned(item: ConnectionItem, now: number): boolean {
  return item.leaseOwner !== undefined && !isLeased(item, now);
}

async function renew(ports: Ports, item: ConnectionItem): Promise<Outcome> {
  const { clock } = ports;
  if (isLeased(item, clock.now())) return "leasedByOthers";
  const wasAbandoned = isAbandoned(item, clock.now());
  // The process may only have been slow: a commit of the same token changes nothing else that the lease compares.
  const isUnchanged = (leased: ConnectionItem) => leased.tokenSet?.dueAt === item.tokenSet?.dueAt;
  const outcome = await replace(ports, item.connection, item, (leased) => {
    return (wasAbandoned && isUnchanged(leased)) || isDue(leased, clock.now());
  });
  switch (outcome.kind) {
    case "replaced":
      return outcome.committed ? "replaced" : "failed";
    case "failed":
      return outcome.failure.code === "unknown_connection" ? "erased" : "failed";
    case "already_replaced":
    case "conflict":
    case "other_names":
      return "leasedByOthers";
  }
}
