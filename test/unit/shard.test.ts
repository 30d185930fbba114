import { expect, it } from "vitest";
import { partitionsOf, parseShard } from "../../functions/token-rotation/rules/shard.ts";

it("partitionsOf gives each partition to exactly one shard, for any number of shards", () => {
  for (let shards = 1; shards <= 16; shards += 1) {
    const all = Array.from({ length: shards }, (_, shard) => partitionsOf({ shard, shards })).flat();
    expect(all.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 16 }, (_, partition) => partition));
  }
});

it.each([
  { shard: 0, shards: 1 },
  { shard: 15, shards: 16 },
])("parseShard reads %j", (input) => {
  expect(parseShard({ ...input, other: true })).toEqual(input);
});

it.each([
  null,
  {},
  { shard: 1, shards: 1 },
  { shard: -1, shards: 1 },
  { shard: 0, shards: 0 },
  { shard: 0, shards: 17 },
  { shard: 0.5, shards: 1 },
  { shard: "0", shards: "1" },
])("parseShard throws for %j, and says what the input must be", (input) => {
  expect(() => parseShard(input)).toThrow("The input must be");
});
