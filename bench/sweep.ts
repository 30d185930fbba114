import { partitionOf } from "@smart-token-broker/auth-core/rules/partition.ts";
import { sweep as runSweep } from "../functions/token-rotation/sweep.ts";
import { memoryTable } from "../test/support/memory-table.ts";
import { type Figure, figureOf, type Report } from "./figures.ts";
import { memoryPorts } from "./memory-ports.ts";
import { connectionsUpTo, storedItem } from "./parts.ts";
import type { Size } from "./scenarios.ts";

const upstreamMs = 50;
const lanes = 16;
const partitions = 16;

/** What one sweep of all shards did. `ms` is the time of the slowest shard, `bound` the least that it could take. */
interface Run {
  ms: number;
  bound: number;
  due: number;
  operations: number;
  queries: number;
}

/** Measures sweeps of fleets in which one connection of a hundred is due. */
export async function sweep(size: Size): Promise<Report> {
  const [sizes, rounds] = size === "full" ? [[1000, 10_000, 100_000], 3] : [[100, 200], 1];
  const figures: Figure[] = [];
  let perConnection: number | undefined;
  let fastest = 0;
  for (const connections of sizes) {
    for (const shards of [1, 16]) {
      const runs: Run[] = [];
      for (let round = 0; round < rounds; round += 1) runs.push(await sweepOnce(connections, shards));
      const name = `${connections.toLocaleString("en")} connections, ${shards === 1 ? "1 shard" : `${shards} shards`}`;
      const perSecond = runs.map(({ due, ms }) => due / (ms / 1000));
      const bound = { name: "bound of upstream and lanes", goal: { atLeast: 0.9 } };
      const bounds = runs.map((run) => run.due / (run.bound / 1000));
      figures.push(figureOf(`${name}: replaced a second`, "", perSecond, { ...bound, values: bounds }));
      const operations = runs.map((run) => run.operations / run.due);
      perConnection ??= operations[0] ?? Number.NaN;
      const smallest = { name: `${sizes[0]} connections`, values: [perConnection], goal: { atMost: 1 } };
      figures.push(figureOf(`${name}: table operations per due connection`, "", operations, smallest));
      fastest = Math.max(fastest, ...perSecond);
    }
  }
  return { figures, notes: notes(fastest) };
}

async function sweepOnce(connections: number, shards: number): Promise<Run> {
  const { put, port } = memoryTable();
  const now = Date.now() / 1000;
  const due = connections / 100;
  const perShard = new Map<number, number>();
  for (const [index, connection] of connectionsUpTo(connections).entries()) {
    const isDue = index < due;
    const shard = partitionOf(connection) % shards;
    if (isDue) perShard.set(shard, (perShard.get(shard) ?? 0) + 1);
    await put(storedItem(connection, now - 1800, isDue ? now - 1 : now + 1800));
  }
  const { ports, count } = memoryPorts(port, upstreamMs);
  const times: number[] = [];
  // On AWS, each shard has its own environment. Here they run one after another, and do not share a processor.
  for (let shard = 0; shard < shards; shard += 1) {
    const startedAt = performance.now();
    const summary = await runSweep(ports, { shard, shards }, (error) => {
      throw error;
    });
    times.push(performance.now() - startedAt);
    if (summary.replaced !== (perShard.get(shard) ?? 0)) throw new Error(`It replaced ${JSON.stringify(summary)}.`);
  }
  const operations = ["read", "takeLease", "write", "reschedule"].reduce((sum, name) => sum + count(name), 0);
  const queries = count("due");
  if (queries !== partitions) throw new Error(`It made ${queries} queries instead of ${partitions}.`);
  const bound = Math.ceil(Math.max(...perShard.values()) / lanes) * upstreamMs;
  return { ms: Math.max(...times), bound, due, operations, queries };
}

function notes(fastest: number): string[] {
  const million = 1_000_000 / 1830;
  return [
    `Upstream takes ${upstreamMs} ms, a shard has ${lanes} lanes, one connection of a hundred is due. The table is in memory.`,
    "Each sweep also makes 16 queries of the index, whatever the number of connections.",
    `By calculation: a million connections with tokens of an hour are ${Math.round(million)} replacements a second (one in 1,830 s ` +
      `each). 16 shards replaced ${Math.round(fastest)} a second.`,
  ];
}
