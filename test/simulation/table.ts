import type { ConnectionItem } from "../../functions/auth-core/rules/tokens/connection-item.ts";
import { partitionOf } from "../../functions/auth-core/rules/tokens/partition.ts";
import type { KeyTable } from "../../functions/auth-core/use-cases/ports.ts";
import { memoryTable } from "../../fixtures/memory-table.ts";
import type { newNetwork } from "./network.ts";
import type { Process, Runtime } from "./process.ts";

/** The table in memory, behind the network. Eventual reads and the index lag. Every change is recorded. */
export function newTable(
  { now, record }: Runtime,
  network: ReturnType<typeof newNetwork>,
  isDown: (isWrite: boolean) => boolean,
) {
  const versions = new Map<string, { at: number; item: ConnectionItem }[]>();
  const partitions = new Set<number>();
  let current: { process: Process; call: string; owner?: string | undefined } | undefined;

  const memory = memoryTable((after) => {
    const { connection } = after;
    const before = versions.get(connection) ?? [];
    versions.set(connection, [...before.slice(-20), { at: now(), item: after }]);
    partitions.add(partitionOf(connection));
    const [last] = before.slice(-1);
    record({ kind: "change", connection, call: "", ...current, ...(last && { before: last.item }), after });
  });

  const itemAt = (connection: string, at: number) => versions.get(connection)?.findLast((each) => each.at <= at)?.item;
  const itemOf = (connection: string) => versions.get(connection)?.at(-1)?.item;

  function due(partition: number, at: number, lag: number) {
    return [...versions.keys()]
      .map((connection) => itemAt(connection, at - lag))
      .filter((item) => item !== undefined)
      .filter(({ connection, nextActionAt = Number.POSITIVE_INFINITY }) => {
        return partitionOf(connection) === partition && nextActionAt <= at;
      })
      .map(({ connection, failures, nextActionAt = at }) => ({ connection, failures, nextActionAt }))
      .toSorted((one, other) => one.nextActionAt - other.nextActionAt);
  }

  function portOf(process: () => Process): KeyTable {
    const isWrite = (method: string) => !["read", "due", "findByKey"].includes(method);
    const through = Object.entries(memory.port).map(([method, act]: [string, (...args: unknown[]) => unknown]) => [
      method,
      (...args: unknown[]) => {
        if (method === "due" && !hasPartition(args[0] as number)) return Promise.resolve([]);
        const by = process();
        const client = { attempts: 3, timeout: 1, isLate: true, isDown: isDown(isWrite(method)) };
        const connection = typeof args[0] === "string" && method !== "findByKey" ? args[0] : undefined;
        const call = method === "read" ? `table.read ${args[1] as string}` : `table.${method}`;
        return network.call(
          by,
          call,
          client,
          (draws) => {
            const lag = draws.is(0.3) ? draws.between(0, 2) : 0;
            if (method === "due") return due(args[0] as number, args[1] as number, lag);
            if (method === "read") return itemAt(args[0] as string, now() - (args[1] === "strong" ? 0 : lag));
            current = { process: by, call: `table.${method}`, owner: ownerOf(method, args) };
            const answer = act(...args);
            current = undefined;
            return answer;
          },
          connection,
        );
      },
    ]);
    return Object.fromEntries(through) as KeyTable;
  }
  const hasPartition = (partition: number) => partitions.has(partition);

  return {
    portOf,
    itemOf,
    /** Whether a sweep has something to do. */
    isDue: () => [...versions.keys()].some((each) => (itemOf(each)?.nextActionAt ?? Number.POSITIVE_INFINITY) <= now()),
  };
}

/** The lease owner that a call names. */
function ownerOf(method: string, args: unknown[]): string | undefined {
  if (method === "takeLease") return (args[1] as { owner: string }).owner;
  if (method === "write") return (args[1] as { owner: string }).owner;
  if (method === "release") return args[1] as string;
  return method === "noteKey" ? (args[3] as string | undefined) : undefined;
}
