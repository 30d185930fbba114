import { partitionCount } from "@smart-token-broker/auth-core/rules/tokens/partition.ts";

/** The partitions that a sweep covers: each p with p mod `shards` = `shard`. */
export interface Shard {
  shard: number;
  shards: number;
}

/** Parses the input of a schedule. Throws an error that says what it must be. */
export function parseShard(input: unknown): Shard {
  const { shard, shards } = (input ?? {}) as Partial<Shard>;
  const isCount = (value: unknown): value is number => Number.isInteger(value);
  if (isCount(shard) && isCount(shards) && shard >= 0 && shard < shards && shards <= partitionCount) {
    return { shard, shards };
  }
  throw new Error(
    `The input must be {"shard": 0 to shards - 1, "shards": 1 to ${partitionCount}}, and is ${JSON.stringify(input)?.slice(0, 200)}.`,
  );
}

/** The partitions of a shard. */
export function partitionsOf({ shard, shards }: Shard): number[] {
  return Array.from({ length: partitionCount }, (_, partition) => partition).filter(
    (partition) => partition % shards === shard,
  );
}
