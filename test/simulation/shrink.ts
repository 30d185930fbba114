import { nothing, type Run, run } from "./run.ts";

/**
 * Leaves out acts and faults, half of them at a time and then one by one, while the run still breaks the same invariant.
 *
 * @param attempts the most runs
 */
export async function shrink(found: Run, attempts = 400): Promise<Run & { acts: number; faults: number }> {
  const sentence = found.violations[0]?.sentence;
  const without = { acts: new Set(nothing.acts), faults: new Set(nothing.faults) };
  let best = found;
  let runs = 0;

  async function leaveOut(kind: "acts" | "faults", candidates: string[]): Promise<void> {
    for (let size = Math.ceil(candidates.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
      for (let from = 0; from < candidates.length && runs < attempts; ) {
        const chunk = candidates.slice(from, from + size);
        runs += 1;
        const next = { ...without, [kind]: new Set([...without[kind], ...chunk]) };
        const shorter = await run(found.seed, found.mode, next);
        if (shorter.violations.some((violation) => violation.sentence === sentence)) {
          best = { ...shorter, violations: shorter.violations.filter((violation) => violation.sentence === sentence) };
          for (const each of chunk) without[kind].add(each);
          candidates.splice(from, chunk.length);
        } else from += size;
      }
    }
  }
  const acts = () => best.world.plan.acts.map(({ id }) => id).filter((id) => !without.acts.has(id));
  await leaveOut("acts", acts());
  await leaveOut("faults", [...new Set(best.world.faults)]);
  await leaveOut("acts", acts());
  return { ...best, acts: acts().length, faults: best.world.faults.length };
}
