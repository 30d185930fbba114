import { type RunnerTestCase, type RunnerTestSuite, TestRunner } from "vitest";
import { appendResult, type Line, readResults } from "./results.ts";

/** What the code that Stryker inserts reads and writes. */
interface Namespace {
  activeMutant?: string | undefined;
  currentTestId?: string;
  hitCount?: number;
  hitLimit?: number;
  mutantCoverage?: { static: Record<string, number>; perTest: Record<string, Record<string, number>> };
}

type TryOptions = Parameters<TestRunner["onBeforeTryTask"]>[1];

/** Seconds of CPU of one file's tests that a mutant may survive. Then the other tests of this file are left out. */
const secondsPerFile = 1;

/** Seconds of CPU of a test that is too slow to run for each mutant. */
const tooSlow = 0.7;

/** How often a mutant may run in one try. More is an endless loop. */
const hitLimit = 100_000;

// oxlint-disable-next-line no-underscore-dangle -- the name that Stryker uses
const namespace = ((globalThis as { __stryker__?: Namespace }).__stryker__ ??= {});
const results = process.env["MUTATION_RESULTS"] ?? "";

const killed = new Set<string>();
const finished = new Set<string>();
/** Mutant and file → milliseconds of tests that it survived. */
const survived = new Map<string, number>();
for (const line of readResults(results)) note(line);

/** The tries of one test: twice without a mutant, then once with each mutant, then without one again. */
interface Tries {
  id: string;
  covered: string[];
  mutants: string[];
  startedAt: number;
  /** CPU time at the start, in microseconds. */
  cpuAt: number;
  /** Milliseconds of the first try, and of CPU during it: on a busy machine, the first says little. */
  ms: number;
  cpuMs: number;
  kills: string[];
  failed: boolean;
}

/**
 * Runs each test again for each mutant that it covers, in a process that has loaded all modules. Stryker's own runner starts
 * a process per mutant: seconds instead of milliseconds.
 *
 * A test that fails without a mutant, before or after its mutants, kills none.
 */
export default class BatchRunner extends TestRunner {
  #tries: Tries = {
    id: "",
    covered: [],
    mutants: [],
    startedAt: 0,
    cpuAt: 0,
    ms: 0,
    cpuMs: 0,
    kills: [],
    failed: false,
  };

  override async onBeforeRunTask(test: RunnerTestCase): Promise<void> {
    await super.onBeforeRunTask(test);
    const id = `${test.file.name}#${nameOf(test)}`;
    if (finished.has(id)) test.mode = "skip";
    const tries: Tries = {
      id,
      covered: [],
      mutants: [],
      startedAt: 0,
      cpuAt: 0,
      ms: 0,
      cpuMs: 0,
      kills: [],
      failed: false,
    };
    this.#tries = tries;
    // Vitest compares this with its count after each try. The first one shows how many mutants there are.
    test.repeats = { valueOf: () => lastOf(tries) } as unknown as number;
  }

  override onBeforeTryTask(test: RunnerTestCase, options: TryOptions): void {
    super.onBeforeTryTask(test, options);
    const { id, mutants } = this.#tries;
    const mutant = mutants[options.repeats - 2];
    Object.assign(namespace, { activeMutant: mutant, currentTestId: id, hitCount: 0, hitLimit });
    this.#tries.startedAt = performance.now();
    this.#tries.cpuAt = cpu();
    record({ kind: "start", pid: process.pid, test: id, ...(mutant !== undefined && { mutant }) });
  }

  /** Ends a try with a mutant that takes far longer than the test does without one: it may wait for ever. */
  async runTask(test: RunnerTestCase): Promise<void> {
    const run = TestRunner.getTestFn(test);
    if (namespace.activeMutant === undefined) return run();
    let timer: NodeJS.Timeout | undefined;
    const tooLong = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error("too long")), 500 + 5 * this.#tries.ms);
    });
    try {
      await Promise.race([run(), tooLong]);
    } finally {
      clearTimeout(timer);
    }
  }

  override async onAfterRetryTask(test: RunnerTestCase, options: TryOptions): Promise<void> {
    await super.onAfterRetryTask(test, options);
    const tries = this.#tries;
    const mutant = namespace.activeMutant;
    // Without a test: the files that load before the next one belong to none.
    Object.assign(namespace, { activeMutant: undefined, currentTestId: undefined });
    if (!test.result) return;
    const hasFailed = test.result.state === "fail" || (test.result.errors?.length ?? 0) > 0;
    test.result.state = "pass";
    delete test.result.errors;
    if (mutant === undefined) tries.failed ||= hasFailed;
    else if (hasFailed) tries.kills.push(mutant);
    if (options.repeats === 0) {
      tries.ms = Math.round(performance.now() - tries.startedAt);
      tries.cpuMs = Math.round((cpu() - tries.cpuAt) / 1000);
      tries.covered = Object.keys(namespace.mutantCoverage?.perTest[tries.id] ?? {});
      const isLeft = (each: string) => (survived.get(keyOf(each, tries.id)) ?? 0) < secondsPerFile * 1000;
      const isQuick = tries.cpuMs < tooSlow * 1000;
      tries.mutants = isQuick ? tries.covered.filter((each) => !killed.has(each) && isLeft(each)) : [];
    }
    if (options.repeats < lastOf(tries)) return;
    const { id, covered, cpuMs: ms, failed } = tries;
    if (!failed) for (const each of tries.kills) record({ kind: "killed", test: id, mutant: each });
    record({ kind: "done", test: id, covered, ms, failed });
  }

  override async onAfterRunSuite(suite: RunnerTestSuite): Promise<void> {
    await super.onAfterRunSuite(suite);
    record({ kind: "static", mutants: Object.keys(namespace.mutantCoverage?.static ?? {}) });
  }
}

/** The number of the last try. They start with 0. */
function lastOf({ failed, mutants }: Tries): number {
  return failed ? 0 : mutants.length + 2;
}

function note(line: Line): void {
  if (line.kind === "killed") killed.add(line.mutant);
  if (line.kind !== "done") return;
  finished.add(line.test);
  for (const mutant of line.covered) {
    const key = keyOf(mutant, line.test);
    survived.set(key, (survived.get(key) ?? 0) + line.ms);
  }
}

function cpu(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

function record(line: Line): void {
  note(line);
  appendResult(results, line);
}

function keyOf(mutant: string, test: string): string {
  return `${mutant} ${test.slice(0, test.indexOf("#"))}`;
}

function nameOf({ name, suite }: { name: string; suite?: RunnerTestSuite | undefined }): string {
  return suite ? `${nameOf(suite)} > ${name}` : name;
}
