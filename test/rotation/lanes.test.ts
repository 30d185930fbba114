import { expect, it, onTestFinished } from "vitest";
import { names, startFleet } from "./fleet.ts";

async function fleetOf(upstreamSeconds: number) {
  const fleet = await startFleet(upstreamSeconds);
  onTestFinished(() => fleet.close());
  return fleet;
}

const most = (numbers: number[]) => Math.max(...numbers);

it("replaces 16 at a time, of which at most 4 failed last time", async () => {
  const fleet = await fleetOf(1);
  await fleet.fill(names("living", 40), { nextActionAt: () => -5 });
  await fleet.fill(names("revoked", 40), { failures: 1, nextActionAt: () => -60 });

  const summary = await fleet.sweep();

  expect(most(fleet.calls.map(({ atOnce }) => atOnce))).toBe(16);
  expect(most(fleet.calls.map(({ revokedAtOnce }) => revokedAtOnce))).toBe(4);
  expect(summary).toMatchObject({ due: 80, replaced: 40, failed: 40, deferred: 0, bugs: [] });
});

it("gives all 16 to the living where nothing failed last time", async () => {
  const fleet = await fleetOf(1);
  await fleet.fill(names("living", 32), { nextActionAt: () => -5 });

  await fleet.sweep();

  expect(fleet.calls.filter(({ at }) => at === 0)).toHaveLength(16);
  expect(fleet.calls.filter(({ at }) => at === 1)).toHaveLength(16);
});

it("reaches those that failed last time, although the living would fill the whole sweep", async () => {
  const fleet = await fleetOf(4);
  await fleet.fill(names("living", 200), { nextActionAt: () => -60 });
  await fleet.fill(names("revoked", 8), { failures: 3, nextActionAt: () => -1 });

  const summary = await fleet.sweep();

  const attempts = fleet.calls.filter(({ connection }) => connection.startsWith("revoked-"));
  expect(attempts.map(({ at }) => at)).toEqual([0, 0, 0, 0, 4, 4, 4, 4]);
  expect(summary).toMatchObject({ due: 208, replaced: 152, failed: 8, deferred: 48 });
});

it("begins with the most overdue, starts nothing once 40 s are over, and leaves the rest to the next sweep", async () => {
  const fleet = await fleetOf(4);
  const all = names("living", 200);
  await fleet.fill(all, { nextActionAt: (index) => -1000 + index });

  const first = await fleet.sweep();
  const served = fleet.calls.map(({ connection }) => connection);
  const lastStart = most(fleet.calls.map(({ at }) => at));
  fleet.clock.advance(20);
  const second = await fleet.sweep();

  expect(first).toMatchObject({ due: 200, replaced: 160, failed: 0, deferred: 40, oldestLateness: 1000 });
  expect(lastStart).toBe(36);
  expect(served.toSorted()).toEqual(all.slice(0, 160).toSorted());
  expect(second).toMatchObject({ due: 40, replaced: 40, deferred: 0, oldestLateness: 900 });
  expect(fleet.calls.map(({ connection }) => connection).toSorted()).toEqual(all.toSorted());
});

it("finishes in 9 s what 100 living need, though 5,000 revoked ones have been due for longer", {
  timeout: 30_000,
}, async () => {
  const fleet = await fleetOf(1);
  await fleet.fill(names("living", 100), { nextActionAt: () => -1 });
  await fleet.fill(names("revoked", 5000), { failures: 2, nextActionAt: () => -300 });

  const summary = await fleet.sweep();

  // 12 lanes are theirs alone: nine rounds of one second, the last of which begins at 8 s.
  const living = fleet.calls.filter(({ connection }) => connection.startsWith("living-"));
  expect(living).toHaveLength(100);
  expect(most(living.map(({ at }) => at))).toBe(8);
  // And the dead have the four others for all of the 40 s.
  expect(summary).toMatchObject({ due: 5100, replaced: 100, failed: 160, deferred: 4840 });
});
