import { spawn } from "node:child_process";
import { appendFileSync, mkdtempSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Line } from "./batch-runner.ts";

/** Seconds without progress after which a mutant counts as an endless loop, and is killed. */
const hangSeconds = 30;

/**
 * Stryker's test runner: its first run runs everything in one process (`batch-runner.ts`), and remembers which test killed
 * which mutant. Each later run only reports that.
 */
class BatchTestRunner {
  #killedBy = new Map<string, string>();

  capabilities() {
    return { reloadEnvironment: true };
  }

  async dryRun() {
    const results = join(mkdtempSync(join(tmpdir(), "results-")), "results.jsonl");
    writeFileSync(results, "");
    while (!(await runVitest(results))) {
      const hung = linesOf(results).findLast((line) => line.kind === "start");
      if (!hung?.mutant) throw new Error(`A test hangs without a mutant: ${JSON.stringify(hung)}`);
      appendFileSync(results, `${JSON.stringify({ kind: "killed", test: hung.test, mutant: hung.mutant })}\n`);
    }
    const tests = [];
    const perTest: Record<string, Record<string, number>> = {};
    const statics: Record<string, number> = {};
    for (const line of linesOf(results)) {
      if (line.kind === "killed") this.#killedBy.set(line.mutant, line.test);
      if (line.kind === "static") for (const mutant of line.mutants) statics[mutant] = 1;
      if (line.kind !== "done") continue;
      if (line.failed) console.log(`Not usable, because it fails when it is repeated: ${line.test}`);
      tests.push({ id: line.test, name: line.test, status: 0, timeSpentMs: line.ms });
      perTest[line.test] = Object.fromEntries(line.covered.map((mutant) => [mutant, 1]));
    }
    return { status: "complete", tests, mutantCoverage: { static: statics, perTest } };
  }

  async mutantRun({ activeMutant: { id } }: { activeMutant: { id: string } }) {
    const killer = this.#killedBy.get(id);
    return killer === undefined
      ? { status: "survived", nrOfTests: 1 }
      : { status: "killed", killedBy: [killer], failureMessage: "", nrOfTests: 1 };
  }
}

/** Runs vitest to its end. `false` if it made no progress, and was ended. */
async function runVitest(results: string): Promise<boolean> {
  const vitest = spawn(
    process.execPath,
    ["node_modules/vitest/vitest.mjs", "run", "--config", "tools/vitest.mutation.config.ts", "--reporter=dot"],
    { env: { ...process.env, MUTATION_RESULTS: results }, stdio: ["ignore", "ignore", "ignore"] },
  );
  const ended = new Promise<void>((resolve) => void vitest.once("exit", () => resolve()));
  let hangs = false;
  const watch = setInterval(() => {
    if (Date.now() - statSync(results).mtimeMs < hangSeconds * 1000) return;
    const last = linesOf(results).at(-1);
    if (last?.kind !== "start") return;
    hangs = true;
    vitest.kill("SIGKILL");
    process.kill(last.pid, "SIGKILL");
  }, 5000);
  await ended;
  clearInterval(watch);
  return !hangs;
}

function linesOf(file: string): Line[] {
  const lines = readFileSync(file, "utf8").split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Line);
}

export const strykerPlugins = [{ kind: "TestRunner", name: "batch", injectableClass: BatchTestRunner }];
