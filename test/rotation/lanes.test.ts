import { expect, it } from "vitest";
import { names, newFleet } from "./fleet.ts";

const max = (numbers: number[]) => Math.max(...numbers);

it("A sweep makes 16 replacements at a time, at most 4 of them of connections that failed last time", async () => {
  const fleet = newFleet(1);
  await fleet.fill(names("healthy", 40), { nextActionAt: () => -5 });
  await fleet.fill(names("revoked", 40), { failures: 1, nextActionAt: () => -60 });

  const summary = await fleet.sweep();

  expect(max(fleet.calls.map(({ atOnce }) => atOnce))).toBe(16);
  expect(max(fleet.calls.map(({ revokedAtOnce }) => revokedAtOnce))).toBe(4);
  expect(summary).toMatchObject({ due: 80, replaced: 40, failed: 40, deferred: 0, bugs: [] });
});

it("A sweep uses all 16 lanes for healthy connections if none failed last time", async () => {
  const fleet = newFleet(1);
  await fleet.fill(names("healthy", 32), { nextActionAt: () => -5 });

  await fleet.sweep();

  expect(fleet.calls.filter(({ at }) => at === 0)).toHaveLength(16);
  expect(fleet.calls.filter(({ at }) => at === 1)).toHaveLength(16);
});

it("A sweep reaches connections that failed last time, even if healthy ones would fill all of its time", async () => {
  const fleet = newFleet(4);
  await fleet.fill(names("healthy", 200), { nextActionAt: () => -60 });
  await fleet.fill(names("revoked", 8), { failures: 3, nextActionAt: () => -1 });

  const summary = await fleet.sweep();

  const attempts = fleet.calls.filter(({ connection }) => connection.startsWith("revoked-"));
  expect(attempts.map(({ at }) => at)).toEqual([0, 0, 0, 0, 4, 4, 4, 4]);
  expect(summary).toMatchObject({ due: 208, replaced: 152, failed: 8, deferred: 48 });
});

it("A sweep starts with the most overdue, starts nothing after 40 s, and defers the rest to the next sweep", async () => {
  const fleet = newFleet(4);
  const all = names("healthy", 200);
  await fleet.fill(all, { nextActionAt: (index) => -1000 + index });

  const first = await fleet.sweep();
  const served = fleet.calls.map(({ connection }) => connection);
  const lastStart = max(fleet.calls.map(({ at }) => at));
  fleet.clock.advance(20);
  const second = await fleet.sweep();

  expect(first).toMatchObject({ due: 200, replaced: 160, failed: 0, deferred: 40, oldestLateness: 1000 });
  expect(lastStart).toBe(36);
  expect(served.toSorted()).toEqual(all.slice(0, 160).toSorted());
  expect(second).toMatchObject({ due: 40, replaced: 40, deferred: 0, oldestLateness: 900 });
  expect(fleet.calls.map(({ connection }) => connection).toSorted()).toEqual(all.toSorted());
});
