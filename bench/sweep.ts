import { partitionOf } from "@smart-token-broker/auth-core/rules/tokens/partition.ts";
import { sweep as runSweep } from "@smart-token-broker/token-rotation/use-cases/sweep.ts";
import { memoryTable } from "../fixtures/memory-table.ts";
import { type Figure, figureOf, type Report } from "./figures.ts";
import { memoryPorts } from "./memory-ports.ts";
import { connectionsUpTo, storedItem } from "./parts.ts";
import type { Size } from "./scenario.ts";

const upstreamMs = 50;
const lanes = 16;
const partitions = 16;

/** What one sweep of all shards did. */
interface Run {
  /** Time of the slowest shard, and the least that upstream and the lanes allow. */
  ms: number;
  bound: number;
  due: number;
  operations: number;
  /** CPU time of all shards, in milliseconds. */
  cpu: number;
}

/** Measures sweeps of fleets in which one connection of a hundred is due. */
export async function sweep(size: Size): Promise<Report> {
  const [sizes, rounds] = size === "full" ? [[1000, 10_000, 100_000], 3] : [[100, 200], 1];
  const figures: Figure[] = [];
  let perConnection: number | undefined;
  let fastest = 0;
  // Otherwise the first sweep would measure the compiler.
  await (await startFleet(1000)).sweep(1);
  for (const connections of sizes) {
    const fleet = await startFleet(connections);
    for (const shards of [1, 16]) {
      const runs: Run[] = [];
      for (let round = 0; round < rounds; round += 1) runs.push(await fleet.sweep(shards));
      const name = `${connections.toLocaleString("en")} connections, ${shards === 1 ? "1 shard" : `${shards} shards`}`;
      const perSecond = runs.map(({ due, ms }) => due / (ms / 1000));
      const bound = { name: "bound of upstream and lanes", goal: { atLeast: 0.9 } };
      const bounds = runs.map((run) => run.due / (run.bound / 1000));
      figures.push(figureOf(`${name}: replaced a second`, "", perSecond, { ...bound, values: bounds }));
      fastest = Math.max(fastest, ...perSecond);
      if (shards > 1) continue;
      const operations = runs.map((run) => run.operations / run.due);
      perConnection ??= operations[0] ?? Number.NaN;
      const smallest = { name: `${sizes[0]?.toLocaleString("en")} connections`, values: [perConnection] };
      const title = `${name}: table operations per due connection`;
      figures.push(figureOf(title, "", operations, { ...smallest, goal: { atMost: 1 } }));
      const cpu = runs.map((run) => run.cpu / run.due);
      figures.push(figureOf(`${name}: CPU per due connection`, "ms", cpu));
    }
  }
  return { figures, notes: notes(fastest) };
}

/** A table in memory with these connections. Each sweep finds one of a hundred due. */
async function startFleet(connections: number) {
  const { put, port } = memoryTable();
  const names = connectionsUpTo(connections);
  const dueNames = names.slice(0, connections / 100);
  const now = () => Date.now() / 1000;
  for (const name of names) await put(storedItem(name, now() - 1800, now() + 1800));

  async function sweepAll(shards: number): Promise<Run> {
    const perShard = Array.from({ length: shards }, () => 0);
    for (const name of dueNames) {
      await put(storedItem(name, now() - 1800, now() - 1));
      perShard[partitionOf(name) % shards]! += 1;
    }
    const { ports, count } = memoryPorts(port, upstreamMs);
    // DynamoDB has an index, this table has none: it searches all items. That time is not the sweep's.
    const due = await Promise.all(Array.from({ length: partitions }, (_, partition) => port.due(partition, now())));
    const table = { ...ports.table, due: async (partition: number) => due[partition] ?? [] };
    const times: number[] = [];
    const before = process.cpuUsage();
    // On AWS, each shard has its own environment. Here they run one after another, and do not share a processor.
    for (let shard = 0; shard < shards; shard += 1) {
      const startedAt = performance.now();
      const { replaced } = await runSweep({ ...ports, table }, { shard, shards }, (error) => {
        throw error;
      });
      times.push(performance.now() - startedAt);
      if (replaced !== perShard[shard]) throw new Error(`Shard ${shard} replaced ${replaced} of ${perShard[shard]}.`);
    }
    const { user, system } = process.cpuUsage(before);
    const operations = ["read", "takeLease", "write", "reschedule"].reduce((sum, name) => sum + count(name), 0);
    const bound = Math.ceil(Math.max(...perShard) / lanes) * upstreamMs;
    return { ms: Math.max(...times), bound, due: dueNames.length, operations, cpu: (user + system) / 1000 };
  }
  return { sweep: sweepAll };
}

function notes(fastest: number): string[] {
  const perSecond = 1_000_000 / 1830;
  return [
    `Upstream takes ${upstreamMs} ms, a shard has ${lanes} lanes. The table is in memory: without the time of the network and of ` +
      "the 16 queries of the index, which a sweep makes whatever the number of connections.",
    "Shards run one after another, as if each had a processor; the slowest counts.",
    `By calculation: a million connections with tokens of an hour need ${Math.round(perSecond)} replacements a second (each one in ` +
      `1,830 s). 16 shards reached up to ${Math.round(fastest).toLocaleString("en")}.`,
  ];
}
