import { spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { modes } from "./modes.ts";
import { plantAll } from "./plant.ts";
import { start } from "./plan.ts";
import { linesOf, type Run, run } from "./run.ts";
import { shrink } from "./shrink.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    mode: { type: "string" },
    trace: { type: "string" },
    shrink: { type: "boolean" },
    seconds: { type: "string" },
    from: { type: "string" },
    commit: { type: "boolean" },
    worlds: { type: "string" },
    plant: { type: "boolean" },
    only: { type: "string" },
  },
});

/** Prints what a run broke, the end of its history, and how to repeat it. Whether it broke nothing. */
async function report(found: Run): Promise<boolean> {
  const shown = values.shrink && found.violations.length > 0 ? await shrink(found) : found;
  const [first] = shown.violations;
  const { seed, mode } = found;
  if (values.trace !== undefined) for (const line of linesOf(shown.world, values.trace)) console.log(line);
  if (!first && values.seed !== undefined) console.log(`No invariant broke in ${found.world.entries.length} entries.`);
  if (!first) return true;
  const lines = linesOf(shown.world, first.connection, first.at);
  console.log(
    `\nBROKEN: ${first.sentence}\n  ${(first.at - start).toFixed(3)} ${first.connection ?? ""} ${first.what}`,
  );
  const sizeOf = ({ world }: Run) => `${world.acts.length} acts and ${world.faults.length} faults`;
  console.log(`  ${sizeOf(found)}${shown === found ? "" : `, shrunk to ${sizeOf(shown)}`}`);
  if (values.trace === undefined) console.log(lines.slice(values.shrink ? -150 : -40).join("\n"));
  console.log(`\nRepeat it with: npm run simulate -- --seed ${seed} --mode ${mode} --shrink`);
  return false;
}

/** A fresh seed. With `--commit`, one that each commit has for itself: then CI can be repeated. */
function firstSeed(): number {
  if (values.from !== undefined) return Number(values.from);
  // Without git, there is no output.
  const head = spawnSync("git", ["rev-parse", "HEAD"], { encoding: "utf8" }).stdout as string | null;
  const commit = Number.parseInt(head?.slice(0, 7) ?? "", 16);
  return values.commit && !Number.isNaN(commit) ? commit : randomInt(2 ** 30);
}

/** Runs worlds of fresh seeds for so many seconds of CPU, in all modes or in one. Stops at the first broken invariant. */
async function runFresh(seconds: number): Promise<boolean> {
  const sum = { worlds: 0, hours: 0, calls: 0 };
  const cpuSeconds = () => (process.cpuUsage().user + process.cpuUsage().system) / 1e6;
  const names = values.mode === undefined ? Object.keys(modes) : [values.mode];
  let isClean = true;
  const most = Number(values.worlds ?? Number.POSITIVE_INFINITY);
  for (let seed = firstSeed(); isClean && cpuSeconds() < seconds && sum.worlds < most; seed += 1) {
    const done = await run(seed, names[seed % names.length] ?? "calm");
    sum.worlds += 1;
    sum.hours += (done.world.endedAt - start) / 3600;
    sum.calls += done.world.entries.filter(({ kind }) => kind === "call").length;
    isClean = await report(done);
  }
  console.log(
    `${sum.worlds} worlds, ${Math.round(sum.hours)} virtual hours, ${sum.calls} calls, ${cpuSeconds().toFixed(1)} s of CPU`,
  );
  return isClean;
}

let isClean: boolean;
if (values.plant) isClean = await plantAll(Number(values.seconds ?? 120), values.only);
else if (values.seed === undefined) isClean = await runFresh(Number(values.seconds ?? 60));
else isClean = await report(await run(Number(values.seed), values.mode ?? "faults"));
process.exitCode = isClean ? 0 : 1;
