import { partitionCount } from "./connection-id.ts";

/** Which partitions a sweep covers: those p with p mod `shards` = `shard`. */
export interface Share {
  shard: number;
  shards: number;
}

/** Reads the input of a schedule. Throws an error that says what it must be. */
export function readShare(input: unknown): Share {
  const { shard, shards } = (input ?? {}) as Partial<Share>;
  const isCount = (value: unknown): value is number => Number.isInteger(value);
  if (isCount(shard) && isCount(shards) && shard >= 0 && shard < shards && shards <= partitionCount) {
    return { shard, shards };
  }
  throw new Error(
    `The input must be {"shard": 0 to shards - 1, "shards": 1 to ${partitionCount}}, and is ${JSON.stringify(input)?.slice(0, 200)}.`,
  );
}

/** The partitions of a share. */
export function partitionsOf({ shard, shards }: Share): number[] {
  return Array.from({ length: partitionCount }, (_, partition) => partition).filter(
    (partition) => partition % shards === shard,
  );
}
