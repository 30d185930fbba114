import { type Action, newEnvironment, type Waiting } from "./environment.ts";
import { current } from "./recording-table.ts";
import type { Stage } from "./stage.ts";
import { violations } from "./violations.ts";

/**
 * A drawn step: time goes on, then one of those who wait goes on, or loses its call or the answer to it, and after that
 * goes on so many times more while everyone else stands still.
 */
export interface Step {
  seconds: number;
  pick: number;
  more: number;
  isLost: boolean;
}

const inTurn: Step = { seconds: 0, pick: 0, more: 0, isLost: false };

/**
 * Runs processes, each with its actions one after the other, in the order that the steps say; when those are used up,
 * everyone goes on in turn and nothing is lost any more. Only one thing happens at a time, so a run is repeatable.
 * Resolves with every rule that was broken.
 */
export async function interleave(stage: Stage, processes: Action[][], steps: Step[]): Promise<string[]> {
  const drawn = steps.values();
  const named = processes.map((actions, index): [string, Action[]] => [`p${index + 1}`, actions]);
  const broken = await runAll(stage, named, () => drawn.next().value ?? inTurn);

  // Longer than any lease, and than any backoff but one that ends when its cause is mended.
  stage.clock.advance(400);
  stage.register();
  broken.push(...(await runAll(stage, [["last", [{ do: "get", minTtl: 60 }]]], () => inTurn)));
  if (!current(stage.history)?.tokenSet) broken.push("nobody had a token in the end");
  return [...broken, ...violations(stage)];
}

async function runAll(stage: Stage, processes: [string, Action[]][], next: () => Step): Promise<string[]> {
  const waiting: Waiting[] = [];
  const ends = processes.map(([name, actions]) =>
    newEnvironment(stage, name, (stopped) => waiting.push(stopped))(actions),
  );
  let ahead = { process: "", more: 0 };
  const broken = await stage.takeTurns(Promise.all(ends), async () => {
    const following = ahead.more > 0 ? waiting.findIndex(({ process }) => process === ahead.process) : -1;
    if (following !== -1) {
      ahead.more -= 1;
      return waiting.splice(following, 1)[0]?.goOn(false);
    }
    const { seconds, pick, more, isLost } = next();
    // Where everyone sleeps, only time can go on.
    stage.clock.advance(waiting.length > 0 ? seconds : Math.max(seconds, 0.25));
    await stage.settle();
    const [picked] = waiting.splice(pick % Math.max(1, waiting.length), 1);
    ahead = { process: picked?.process ?? "", more };
    picked?.goOn(isLost);
  });
  return broken.flat();
}
