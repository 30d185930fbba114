import { check, type Violation } from "./check.ts";
import { lineOf } from "./history.ts";
import { modes } from "./modes.ts";
import { start } from "./plan.ts";
import { runWorld, type Limits, type World } from "./world.ts";

export const all: Limits = {};

export interface Run {
  seed: number;
  mode: string;
  world: World;
  violations: Violation[];
}

/** Runs the world of a seed in a mode. `judge` finds what it broke. */
export async function run(seed: number, mode: string, limits: Limits = all, judge = check): Promise<Run> {
  const weights = modes[mode];
  if (!weights) throw new Error(`There is no mode ${mode}. The modes are ${Object.keys(modes).join(", ")}.`);
  const world = await runWorld(seed, weights, limits);
  return { seed, mode, world, violations: judge(world) };
}

/** The lines of a history; of one connection and its processes, if it is given, and until an instant. */
export function linesOf({ entries }: World, connection?: string, until = Number.POSITIVE_INFINITY): string[] {
  const about = new Set(entries.filter((entry) => entry.connection === connection).map(({ process }) => process));
  return entries
    .filter(
      (entry) =>
        connection === undefined || entry.connection === connection || (entry.process && about.has(entry.process)),
    )
    .filter(({ at }) => at <= until)
    .map((entry) => lineOf(entry, start));
}
