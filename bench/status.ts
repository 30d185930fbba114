import { statusEvent } from "../fixtures/status-event.ts";
import { bundlesFor } from "./bundles.ts";
import { figureOf, type Report } from "./figures.ts";
import { connectionsUpTo, startParts } from "./parts.ts";
import type { Replay } from "./replay-process.ts";
import { startReplay } from "./replay.ts";
import type { Size } from "./scenario.ts";

/** The share of a processor that Lambda gives a function of 1 GB. 1,769 MB is one processor. */
const shareAt1Gb = 1024 / 1769;

/** Lists the status of all connections, page by page. */
export async function status(size: Size): Promise<Report> {
  const [rounds, connections, limit] = size === "full" ? [3, 10_000, 500] : [1, 20, 10];
  const parts = await startParts();
  const bundles = bundlesFor();
  try {
    await parts.fill(connectionsUpTo(connections));
    const functions = await startReplay({ status: bundles.deployed("status") }, parts.environment);
    const first = await functions.replay("status", [statusEvent({ query: { limit: String(limit) } })]);
    const pages: Replay[] = [];
    const totals: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const startedAt = performance.now();
      let listed = 0;
      let cursor: string | undefined;
      do {
        const page = await functions.replay("status", [
          statusEvent({ query: { limit: String(limit), ...(cursor && { cursor }) } }),
        ]);
        const body = JSON.parse(page.last.body) as { connections: object[]; next_cursor?: string };
        pages.push(page);
        listed += body.connections.length;
        cursor = body.next_cursor;
      } while (cursor !== undefined);
      totals.push((performance.now() - startedAt) / 1000);
      if (listed !== connections) throw new Error(`The pages list ${listed} connections of ${connections}.`);
    }
    await functions.close();

    const heaps = pages.map(({ heap }) => heap / 1e6);
    const limitOf = { name: "one second", values: [1000], goal: { atMost: 1 } };
    const slowest = Math.max(...pages.map(({ ms }) => ms[0] ?? Number.NaN));
    const cpu = Math.max(...pages.map((page) => page.cpu)) / shareAt1Gb;
    return {
      figures: [
        figureOf(
          `page of ${limit}`,
          "ms",
          pages.flatMap(({ ms }) => ms),
        ),
        figureOf(`slowest page of ${limit}`, "ms", [slowest], limitOf),
        figureOf(`CPU of the costliest page, at 1 GB`, "ms", [cpu], limitOf),
        figureOf(`all ${connections.toLocaleString("en")} connections`, "s", totals),
        figureOf("heap after the last page", "MB", heaps.slice(-1), {
          name: "after the first page",
          values: [first.heap / 1e6],
          goal: { atMost: 1.1 },
        }),
      ],
      notes: [
        "The table is the embedded one (dynalite); most of a page's time is its own.",
        "At 1 GB, Lambda gives a function 58 % of a processor: the CPU time of the page divided by 0.58.",
      ],
    };
  } finally {
    bundles.remove();
    await parts.close();
  }
}
