import { tokenEvent } from "../test/handler/event.ts";
import { bundlesFor } from "./bundles.ts";
import { type Figure, figureOf, median, percentile, type Report } from "./figures.ts";
import { connectionsUpTo, startParts } from "./parts.ts";
import type { Replay } from "./replay-process.ts";
import { startReplay } from "./replay.ts";
import type { Size } from "./scenarios.ts";

/** Measures a token from memory through the whole handler, beside a handler that only logs and responds. */
export async function warm(size: Size): Promise<Report> {
  const [rounds, requests] = size === "full" ? [25, 2000] : [1, 10];
  const [connection = ""] = connectionsUpTo(1);
  const parts = await startParts();
  const bundles = bundlesFor();
  try {
    await parts.fill(connectionsUpTo(1));
    const folders = { token: bundles.deployed("token"), bare: bundles.ours("bare") };
    const functions = await startReplay(folders, parts.environment);
    const events = [tokenEvent(connection)];
    const replays = { token: [] as Replay[], bare: [] as Replay[] };
    for (const name of ["token", "bare"] as const) await functions.replay(name, events, requests);
    for (let round = 0; round < rounds; round += 1) {
      for (const name of ["token", "bare"] as const) {
        replays[name].push(await functions.replay(name, events, requests));
      }
    }
    await functions.close();
    return { figures: figuresOf(replays), notes };
  } finally {
    bundles.remove();
    await parts.close();
  }
}

function figuresOf({ token, bare }: Record<"token" | "bare", Replay[]>): Figure[] {
  const figure = (name: string, unit: string, of: (replay: Replay) => number) =>
    figureOf(`token from memory, ${name}`, unit, token.map(of), {
      name: "bare handler",
      values: bare.map(of),
      goal: { atMost: 1.5 },
    });
  return [
    figure("p50", "µs", ({ ms }) => median(ms) * 1000),
    figure("p99", "µs", ({ ms }) => percentile(ms, 0.99) * 1000),
    figure("allocated", "kB", ({ ms, allocated }) => allocated / ms.length / 1000),
  ];
}

const notes = [
  "*bare handler*: middy, one line of JSON and a fixed response. Both run in one process, and alternate.",
  "What the handlers print goes to /dev/null.",
];
