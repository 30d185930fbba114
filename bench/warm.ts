import { tokenEvent } from "../fixtures/token-event.ts";
import { bundlesFor } from "./bundles.ts";
import { type Figure, figureOf, median, percentile, type Report } from "./figures.ts";
import { connectionsUpTo, startParts } from "./parts.ts";
import type { Replay } from "./replay-process.ts";
import { startReplay } from "./replay.ts";
import type { Size } from "./scenario.ts";

const names = ["token", "powertools", "bare"] as const;
type Replays = Record<(typeof names)[number], Replay[]>;

/** Nothing is collected within 128 MB of allocations, so that the heap's growth is what was allocated. */
const withoutCollection = ["--min-semi-space-size=128", "--max-semi-space-size=128"];

/** Measures a token from memory through the whole handler, beside handlers that only log and respond. */
export async function warm(size: Size): Promise<Report> {
  const [rounds, requests] = size === "full" ? [25, 2000] : [1, 10];
  const parts = await startParts();
  const bundles = bundlesFor();
  try {
    await parts.fill(connectionsUpTo(1));
    const folders = {
      token: bundles.deployed("token"),
      powertools: bundles.byDefault("powertools"),
      bare: bundles.ours("bare"),
    };
    const events = connectionsUpTo(1).map((connection) => tokenEvent(connection));
    const run = async (execArgv: string[]): Promise<Replays> => {
      const functions = await startReplay(folders, parts.environment, execArgv);
      const replays: Replays = { token: [], powertools: [], bare: [] };
      for (const name of names) await functions.replay(name, events, requests);
      for (let round = 0; round < rounds; round += 1) {
        for (const name of names) replays[name].push(await functions.replay(name, events, requests));
      }
      await functions.close();
      return replays;
    };
    return { figures: figuresOf(await run([]), await run(withoutCollection)), notes };
  } finally {
    bundles.remove();
    await parts.close();
  }
}

function figuresOf(timed: Replays, counted: Replays): Figure[] {
  const figure = (name: string, unit: string, replays: Replays, of: (replay: Replay) => number) =>
    figureOf(
      `token from memory, ${name}`,
      unit,
      replays.token.map(of),
      { name: "middy and Powertools", values: replays.powertools.map(of), goal: { atMost: 1.5 } },
      { name: "middy and one line", values: replays.bare.map(of) },
    );
  return [
    figure("p50", "µs", timed, ({ ms }) => median(ms) * 1000),
    figure("p99", "µs", timed, ({ ms }) => percentile(ms, 0.99) * 1000),
    figure("allocated", "kB", counted, ({ ms, allocated }) => allocated / ms.length / 1000),
  ];
}

const notes = [
  "*middy and Powertools*: middy, one line by the logger of Powertools, a fixed response. *middy and one line*: the same " +
    "with a line that `JSON.stringify` makes. All run in one process, and alternate.",
  "What the handlers print goes to /dev/null.",
];
