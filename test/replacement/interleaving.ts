import { newScheduler, type Step } from "../support/interleaving.ts";
import { type Action, newEnvironment } from "./environment.ts";
import { current } from "./recording-table.ts";
import type { Stage } from "./stage.ts";
import { violations } from "./violations.ts";

/**
 * Runs processes, each with its actions one after the other, in the order of the steps. Resolves with every rule that
 * was broken.
 */
export async function interleave(stage: Stage, processes: Action[][], steps: Step[]): Promise<string[]> {
  const named = processes.map((actions, index): [string, Action[]] => [`p${index + 1}`, actions]);
  const broken = await runAll(stage, named, steps);

  // Longer than any lease, and than any backoff but one that ends when its cause is fixed.
  stage.clock.advance(400);
  stage.register();
  broken.push(...(await runAll(stage, [["last", [{ do: "get", minTtl: 60 }]]], [])));
  if (!current(stage.history)?.tokenSet) broken.push("nobody had a token in the end");
  return [...broken, ...violations(stage)];
}

async function runAll(stage: Stage, processes: [string, Action[]][], steps: Step[]): Promise<string[]> {
  const scheduler = newScheduler(stage.clock, stage.settle);
  const ends = processes.map(([name, actions]) => newEnvironment(stage, name, scheduler.stop)(actions));
  return (await scheduler.run(Promise.all(ends), steps.values())).flat();
}
