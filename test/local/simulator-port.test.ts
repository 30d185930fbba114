import { createServer } from "node:http";
import { expect, it, onTestFinished } from "vitest";
import { UsageError } from "../../local/options.ts";
import { simulatorPortOf, startSimulatorOf } from "../../local/simulator-port.ts";
import { listen } from "../../fixtures/listen.ts";

it.each([
  [0, 0],
  [8787, 9787],
  // examples/app has 8788.
  [7788, 6788],
  [64_535, 65_535],
  [64_536, 63_536],
  [65_535, 64_535],
])("The simulator of a run on port %i has the port %i", (port, simulatorPort) => {
  expect(simulatorPortOf(port)).toBe(simulatorPort);
});

/** A port that another program holds. */
async function busyPort(): Promise<number> {
  const { url, close } = await listen(createServer());
  onTestFinished(close);
  return Number(new URL(url).port);
}

/** Starts a simulator. Its port, and the warnings. */
async function start(options: { port: number; simulatorPort?: number }) {
  const warnings: string[] = [];
  const of = { clock: { now: () => 0 } };
  const simulator = await startSimulatorOf({ tick: 60, ...options }, of, (line) => warnings.push(line));
  onTestFinished(() => simulator.close());
  return { port: Number(new URL(simulator.url).port), warnings };
}

it("The simulator has its port, and a free one with a warning while that is in use", async () => {
  const server = await listen(createServer());
  const busy = Number(new URL(server.url).port);
  const gateway = simulatorPortOf(busy - 1000) === busy ? busy - 1000 : busy + 1000;

  const { port, warnings } = await start({ port: gateway });
  await server.close();
  const restarted = await start({ port: gateway });

  expect(port).not.toBe(busy);
  expect(restarted).toEqual({ port: busy, warnings: [] });
  expect(warnings).toEqual([
    `Port ${busy} is in use, so the simulator has a free one. After a restart, callers use its old URL until their next token. To keep it, set --simulator-port.`,
  ]);
});

it("The simulator has the port of --simulator-port, and the start fails if that is in use", async () => {
  const { port: free } = await start({ port: 0 });
  const busy = await busyPort();

  await expect(start({ port: 8787, simulatorPort: busy })).rejects.toThrow(
    new UsageError(`Port ${busy} is in use. Choose another with --simulator-port NUMBER, or 0 for a free one.`),
  );
  expect((await start({ port: free, simulatorPort: 0 })).warnings).toEqual([]);
});
