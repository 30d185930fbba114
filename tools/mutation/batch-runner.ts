import { appendFileSync, readFileSync } from "node:fs";
import { type RunnerTestCase, type RunnerTestSuite, TestRunner } from "vitest";

/** A line of the results: what the worker did, so that a run that hangs can be continued. */
export type Line =
  | { kind: "start"; pid: number; test: string; mutant?: string }
  | { kind: "killed"; test: string; mutant: string }
  | { kind: "done"; test: string; covered: string[]; ms: number; failed?: true }
  | { kind: "static"; mutants: string[] };

/** What Stryker's instrumentation reads and writes. */
interface Namespace {
  activeMutant?: string | undefined;
  currentTestId?: string | undefined;
  hitCount?: number;
  hitLimit?: number;
  mutantCoverage?: { static: Record<string, number>; perTest: Record<string, Record<string, number>> };
}

const namespace = ((globalThis as { __stryker__?: Namespace }).__stryker__ ??= {});
const results = process.env["MUTATION_RESULTS"] ?? "";

/** Seconds of tests that a mutant may survive before it counts as survived. */
const budget = 3;

const killed = new Set<string>();
const finished = new Set<string>();
const spent = new Map<string, number>();
for (const line of readResults(results)) {
  if (line.kind === "killed") killed.add(line.mutant);
  if (line.kind === "done") finish(line);
}

/** The tries of one test: without a mutant, twice, then with each mutant, then without one again. */
interface Tries {
  id: string;
  covered: string[];
  mutants: string[];
  startedAt: number;
  ms: number;
  kills: string[];
  isUsable: boolean;
}

/**
 * Runs each test again for each mutant that it covers, in one process, which has then loaded all modules. Stryker's own
 * runner starts a process per mutant: seconds instead of milliseconds.
 *
 * A test that fails without a mutant, before or after its mutants, kills none.
 */
export default class BatchRunner extends TestRunner {
  #tries: Tries | undefined;

  override async onBeforeRunTask(test: RunnerTestCase): Promise<void> {
    await super.onBeforeRunTask(test);
    const id = `${test.file.name}#${nameOf(test)}`;
    if (finished.has(id)) test.mode = "skip";
    const tries: Tries = { id, covered: [], mutants: [], startedAt: 0, ms: 0, kills: [], isUsable: true };
    this.#tries = tries;
    // Vitest compares this with its count after each try. How many mutants there are is known after the first.
    test.repeats = { valueOf: () => (tries.isUsable ? tries.mutants.length + 2 : 0) } as unknown as number;
  }

  override onBeforeTryTask(test: RunnerTestCase, options: { retry: number; repeats: number }): void {
    super.onBeforeTryTask(test, options);
    const tries = this.#tries;
    if (!tries) return;
    const mutant = tries.mutants[options.repeats - 2];
    namespace.currentTestId = tries.id;
    namespace.hitCount = 0;
    namespace.hitLimit = 100_000;
    namespace.activeMutant = mutant;
    tries.startedAt = performance.now();
    record({ kind: "start", pid: process.pid, test: tries.id, ...(mutant !== undefined && { mutant }) });
  }

  override async onAfterRetryTask(test: RunnerTestCase, options: { retry: number; repeats: number }): Promise<void> {
    await super.onAfterRetryTask(test, options);
    const { repeats } = options;
    const tries = this.#tries;
    if (!tries || !test.result) return;
    const mutant = namespace.activeMutant;
    namespace.activeMutant = undefined;
    const hasFailed = test.result.state === "fail" || (test.result.errors?.length ?? 0) > 0;
    if (repeats === 0) {
      tries.ms = performance.now() - tries.startedAt;
      tries.covered = Object.keys(namespace.mutantCoverage?.perTest[tries.id] ?? {});
      const left = (each: string) => !killed.has(each) && (spent.get(each) ?? 0) < budget * 1000;
      if (!hasFailed) tries.mutants = tries.covered.filter(left);
    }
    if (mutant === undefined) tries.isUsable &&= !hasFailed;
    else if (hasFailed) tries.kills.push(mutant);
    test.result.state = "pass";
    delete test.result.errors;
    if (!tries.isUsable || repeats === tries.mutants.length + 2) {
      if (tries.isUsable) for (const each of tries.kills) killed.add(each);
      if (tries.isUsable) for (const each of tries.kills) record({ kind: "killed", test: tries.id, mutant: each });
      const done = { kind: "done", test: tries.id, covered: tries.covered, ms: Math.round(tries.ms) } as const;
      finish(done);
      record(tries.isUsable ? done : { ...done, failed: true });
    }
  }

  override async onAfterRunSuite(suite: RunnerTestSuite): Promise<void> {
    await super.onAfterRunSuite(suite);
    record({ kind: "static", mutants: Object.keys(namespace.mutantCoverage?.static ?? {}) });
  }
}

function finish({ test, covered, ms }: Extract<Line, { kind: "done" }>): void {
  finished.add(test);
  for (const mutant of covered) spent.set(mutant, (spent.get(mutant) ?? 0) + ms);
}

function nameOf({ name, suite }: { name: string; suite?: RunnerTestSuite | undefined }): string {
  return suite ? `${nameOf(suite)} > ${name}` : name;
}

function record(line: Line): void {
  appendFileSync(results, `${JSON.stringify(line)}\n`);
}

export function readResults(file: string): Line[] {
  return readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Line);
}
