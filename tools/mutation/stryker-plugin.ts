import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { appendResult, readResults } from "./results.ts";

/** Seconds without progress after which a mutant counts as an endless loop. */
const hangSeconds = 30;

/**
 * Stryker's test runner: its first run runs all tests for all mutants (`batch-runner.ts`), and keeps which test killed which
 * mutant. The run of a mutant only reports that.
 */
class BatchTestRunner {
  readonly #killedBy = new Map<string, string>();

  capabilities() {
    return { reloadEnvironment: true };
  }

  async dryRun() {
    const folder = mkdtempSync(join(tmpdir(), "smart-token-broker-mutants-"));
    const results = join(folder, "results.jsonl");
    writeFileSync(results, "");
    while (!(await runVitest(results))) {
      const hung = readResults(results).findLast((line) => line.kind === "start");
      if (hung?.mutant === undefined) throw new Error(`A test hangs without a mutant: ${hung?.test}`);
      appendResult(results, { kind: "killed", test: hung.test, mutant: hung.mutant });
    }
    const lines = readResults(results);
    rmSync(folder, { recursive: true });

    const done = lines.filter((line) => line.kind === "done");
    for (const { test } of done.filter(({ failed }) => failed))
      console.log(`Not used, it fails if it is repeated: ${test}`);
    for (const line of lines) if (line.kind === "killed") this.#killedBy.set(line.mutant, line.test);
    const statics = lines.flatMap((line) => (line.kind === "static" ? line.mutants : []));
    const counts = (mutants: string[]) => Object.fromEntries(mutants.map((mutant) => [mutant, 1]));
    return {
      status: "complete",
      tests: done.map(({ test, ms }) => ({ id: test, name: test, status: 0, timeSpentMs: ms })),
      mutantCoverage: {
        static: counts(statics),
        perTest: Object.fromEntries(done.map(({ test, covered }) => [test, counts(covered)])),
      },
    };
  }

  async mutantRun({ activeMutant: { id } }: { activeMutant: { id: string } }) {
    const killer = this.#killedBy.get(id);
    if (killer === undefined) return { status: "survived", nrOfTests: 1 };
    return { status: "killed", killedBy: [killer], failureMessage: "", nrOfTests: 1 };
  }
}

/** Runs vitest until it ends. `false` if it made no progress, and was killed. */
async function runVitest(results: string): Promise<boolean> {
  const vitest = spawn(
    process.execPath,
    ["node_modules/vitest/vitest.mjs", "run", "--config", "tools/vitest.mutation.config.ts", "--reporter=dot"],
    { env: { ...process.env, MUTATION_RESULTS: results }, stdio: "ignore" },
  );
  let hangs = false;
  const watch = setInterval(() => {
    if (Date.now() - statSync(results).mtimeMs < hangSeconds * 1000) return;
    const last = readResults(results).at(-1);
    if (last?.kind !== "start") return;
    hangs = true;
    vitest.kill("SIGKILL");
    process.kill(last.pid, "SIGKILL");
  }, 5000);
  await new Promise((resolve) => void vitest.once("exit", resolve));
  clearInterval(watch);
  return !hangs;
}

/** Stryker reads this name. */
export const strykerPlugins = [{ kind: "TestRunner", name: "batch", injectableClass: BatchTestRunner }];
