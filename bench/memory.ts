import { tokenEvent } from "../fixtures/token-event.ts";
import { bundlesFor } from "./bundles.ts";
import { figureOf, type Report } from "./figures.ts";
import { connectionsUpTo, startParts } from "./parts.ts";
import { startReplay } from "./replay.ts";
import type { Size } from "./scenario.ts";

/** Measures whether the memory of an environment grows with its requests. */
export async function memory(size: Size): Promise<Report> {
  const [requests, connections] = size === "full" ? [100_000, 1000] : [50, 5];
  const parts = await startParts();
  const bundles = bundlesFor();
  try {
    await parts.fill(connectionsUpTo(connections));
    const functions = await startReplay({ token: bundles.deployed("token") }, parts.environment);
    const events = connectionsUpTo(connections).map((connection) => tokenEvent(connection));
    const tenths: { rss: number; heap: number }[] = [];
    for (let tenth = 0; tenth < 10; tenth += 1) {
      const { rss, heap } = await functions.replay("token", events, requests / connections / 10);
      tenths.push({ rss: rss / 1e6, heap: heap / 1e6 });
    }
    await functions.close();
    const grown = (name: "rss" | "heap", title: string) =>
      figureOf(`${title} after ${requests.toLocaleString("en")} requests`, "MB", [tenths[9]?.[name] ?? 0], {
        name: `after ${((requests * 3) / 10).toLocaleString("en")}`,
        values: [tenths[2]?.[name] ?? 0],
        goal: { atMost: 1.1 },
      });
    return {
      figures: [grown("rss", "RSS"), grown("heap", "heap")],
      notes: [
        `The requests go round ${connections.toLocaleString("en")} connections. The process has no memory limit.`,
      ],
    };
  } finally {
    bundles.remove();
    await parts.close();
  }
}
