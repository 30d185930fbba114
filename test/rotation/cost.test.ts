import { afterAll, beforeAll, expect, it } from "vitest";
import { type Consumption, metered } from "./consumption.ts";
import { type Fleet, names, startFleet } from "./fleet.ts";

interface Sweep {
  connections: number;
  consumption: Consumption;
  summary: Awaited<ReturnType<Fleet["sweep"]>>;
}

// One fleet that grows. The same 100 connections are due at every size.
const sizes = [1000, 10_000, 20_000];
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
    sweeps.push(await sweepOf(connections));
  }
  idleSweep = await sweepOf(20_000);
}, 120_000);
afterAll(() => fleet.close());

async function sweepOf(connections: number): Promise<Sweep> {
  const startedAt = performance.now();
  const { result: summary, consumption } = await metered(() => fleet.sweep());
  if (process.env["SHOW_FIGURES"]) {
    const milliseconds = Math.round(performance.now() - startedAt);
    console.log(JSON.stringify({ connections, due: summary.due, milliseconds, ...consumption }));
  }
  return { connections, consumption, summary };
}

it("A sweep reads what is due and one page of each partition, whatever the number of connections", () => {
  for (const { consumption, summary } of sweeps) {
    expect(summary).toMatchObject({ due: 100, replaced: 100, failed: 0, deferred: 0, bugs: [] });
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

it("A sweep consumes exactly the same with ten and with twenty times the connections", () => {
  const [small, large, twice] = sweeps.map(({ consumption }) => consumption);

  expect(large).toEqual(small);
  expect(twice).toEqual(large);
});

it("A sweep reads one empty page of each partition if nothing is due", () => {
  expect(idleSweep.summary).toMatchObject({ due: 0, replaced: 0, oldestLateness: 0 });
  expect(idleSweep.consumption).toMatchObject({ pages: 16, emptyPages: 16, itemsRead: 0, commands: { Query: 16 } });
});
