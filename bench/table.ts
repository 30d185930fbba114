import { tokenEvent } from "../fixtures/token-event.ts";
import { startTableProxy } from "../fixtures/table-proxy.ts";
import { bundlesFor } from "./bundles.ts";
import { figureOf, median, percentile, type Report } from "./figures.ts";
import { connectionsUpTo, startParts } from "./parts.ts";
import { startReplay } from "./replay.ts";
import type { Size } from "./scenario.ts";

/** Measures a token from the table through the whole handler, beside the bare lean read in the same process. */
export async function table(size: Size): Promise<Report> {
  const [rounds, each] = size === "full" ? [20, 50] : [1, 2];
  const parts = await startParts();
  const bundles = bundlesFor();
  try {
    // Each connection once: the second time, it comes from memory. The first round only warms up.
    const events = connectionsUpTo((rounds + 1) * each).map((connection) => tokenEvent(connection));
    await parts.fill(connectionsUpTo(events.length));
    const folders = { token: bundles.deployed("token"), read: bundles.ours("read") };
    const functions = await startReplay(folders, parts.environment);
    const times = { token: [] as number[][], read: [] as number[][] };
    for (let round = 0; round <= rounds; round += 1) {
      const part = events.slice(round * each, (round + 1) * each);
      for (const name of ["read", "token"] as const) {
        const { ms } = await functions.replay(name, part);
        if (round > 0) times[name].push(ms);
      }
    }
    await functions.close();

    const { environment } = parts;
    const proxy = await startTableProxy(environment.AWS_ENDPOINT_URL_DYNAMODB);
    const counted = await startReplay(folders, { ...environment, AWS_ENDPOINT_URL_DYNAMODB: proxy.url });
    await counted.replay("token", events.slice(0, each));
    await counted.close();
    await proxy.close();
    const operations = proxy.requests.map(({ operation }) => operation);
    if (operations.some((operation) => operation !== "GetItem")) throw new Error(`It also did ${operations.join()}.`);

    // Of all rounds: a round has too few requests.
    const p99 = (ms: number[][]) => [percentile(ms.flat(), 0.99)];
    return {
      figures: [
        figureOf("token from the table, p50", "ms", times.token.map(median), {
          name: "bare lean read",
          values: times.read.map(median),
          goal: { atMost: 1.4 },
        }),
        figureOf("token from the table, p99", "ms", p99(times.token), {
          name: "bare lean read",
          values: p99(times.read),
        }),
        figureOf("GetItem per token", "", [operations.length / each], {
          name: "one",
          values: [1],
          goal: { atMost: 1 },
        }),
      ],
      notes: ["The table is the embedded one (dynalite) in another process. An item has two tokens of 1.5 KB."],
    };
  } finally {
    bundles.remove();
    await parts.close();
  }
}
