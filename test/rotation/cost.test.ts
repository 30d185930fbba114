import { afterAll, beforeAll, expect, it } from "vitest";
import { type Consumption, metered } from "./consumption.ts";
import { type Fleet, names, startFleet } from "./fleet.ts";

interface Sweep {
  consumption: Consumption;
  result: Awaited<ReturnType<Fleet["sweep"]>>;
}

// One fleet that grows. The same 100 connections are due at every size.
const sizes = [200, 2000];
const duePart = names("healthy", 100);
const sweeps: Sweep[] = [];
let idleSweep: Sweep;

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet();
  let idle = 0;
  for (const connections of sizes) {
    const more = names("idle", connections - duePart.length).slice(idle);
    idle += more.length;
    await fleet.fill(more, { nextActionAt: (index) => 3600 + (index % 1000) });
    await fleet.fill(duePart, { nextActionAt: (index) => -1 - index });
    sweeps.push(await metered(() => fleet.sweep()));
  }
  idleSweep = await metered(() => fleet.sweep());
}, 120_000);
afterAll(() => fleet.close());

it("A sweep reads what is due and one page of each partition, whatever the number of connections", () => {
  for (const { consumption, result } of sweeps) {
    expect(result).toMatchObject({ due: 100, replaced: 100, failed: 0, deferred: 0, bugs: [] });
    expect(consumption).toMatchObject({ itemsRead: 100, pages: 16 });
    // A page of up to 4 KiB is half a unit, and so is an empty one.
    expect(consumption.indexUnits).toBeLessThanOrEqual(16 * 0.5);
  }
});

it("A sweep makes one read, one lease and one commit for each replacement, and nothing else", () => {
  for (const { consumption } of sweeps) {
    expect(consumption.commands).toEqual({ Query: 16, GetItem: 100, UpdateItem: 200 });
  }
});

it("A sweep consumes exactly the same with ten times the connections", () => {
  const [small, large] = sweeps.map(({ consumption }) => consumption);

  expect(large).toEqual(small);
});

it("A sweep reads one empty page of each partition if nothing is due", () => {
  expect(idleSweep.result).toMatchObject({ due: 0, replaced: 0, oldestLateness: 0 });
  expect(idleSweep.consumption).toMatchObject({ pages: 16, emptyPages: 16, itemsRead: 0, commands: { Query: 16 } });
});
