import { check } from "./check.ts";
import { all, type Run, run } from "./run.ts";
import type { Limits } from "./world.ts";

/**
 * Leaves out acts and faults, half of them at a time and then one by one, while the run still breaks the same invariant.
 *
 * @param attempts the most runs
 */
export async function shrink(found: Run, attempts = 400, judge = check): Promise<Run> {
  const sentence = found.violations[0]?.sentence;
  let limits: Limits = all;
  let best = found;
  let runs = 0;

  async function leaveOut(kind: "acts" | "faults", kept: string[]): Promise<void> {
    for (let size = kept.length; size >= 1; size = Math.floor(size / 2)) {
      for (let from = 0; from < kept.length && runs < attempts; ) {
        const fewer = kept.toSpliced(from, size);
        runs += 1;
        const next = { ...limits, [kind]: new Set(fewer) };
        const shorter = await run(found.seed, found.mode, next, judge);
        const violations = shorter.violations.filter((violation) => violation.sentence === sentence);
        if (violations.length === 0) from += size;
        else [best, limits, kept] = [{ ...shorter, violations }, next, fewer];
      }
    }
  }
  await leaveOut("acts", best.world.acts);
  await leaveOut("faults", best.world.faults);
  await leaveOut("acts", best.world.acts);
  return best;
}
