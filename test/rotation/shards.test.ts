import { expect, it, onTestFinished } from "vitest";
import { sweep } from "../../functions/token-rotation/use-cases/sweep.ts";
import { names, startFleet } from "./fleet.ts";

const noBug = (error: unknown) => expect.unreachable(String(error));

async function startedFleet() {
  const fleet = await startFleet();
  onTestFinished(() => fleet.close());
  return fleet;
}

it("Three concurrent shards replace every connection once, and never the same one", async () => {
  const fleet = await startedFleet();
  const all = names("healthy", 60);
  await fleet.fill(all, { nextActionAt: () => -1 });

  const summaries = await Promise.all([0, 1, 2].map((shard) => sweep(fleet.ports, { shard, shards: 3 }, noBug)));

  expect(summaries.map(({ leasedByOthers }) => leasedByOthers)).toEqual([0, 0, 0]);
  expect(summaries.every(({ replaced }) => replaced > 0)).toBe(true);
  expect(summaries.reduce((sum, { replaced }) => sum + replaced, 0)).toBe(60);
  expect(fleet.calls.map(({ connection }) => connection).toSorted()).toEqual(all.toSorted());
});
