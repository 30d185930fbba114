import { Stryker } from "@stryker-mutator/core";

export type MutantResult = Awaited<ReturnType<Stryker["runMutationTest"]>>[number];

/**
 * Mutates files of the current folder, or lines of them (`file:1-2`), and returns every mutant with its result. A mutant runs in a new thread, with the tests
 * that it covers.
 *
 * @param tests patterns of the test files @param ignoreStatic leaves out code that runs only while a file loads, such as a
 * constant: all tests run for such a mutant
 */
export function mutate(
  files: readonly string[],
  { tests, ignoreStatic }: { tests: readonly string[]; ignoreStatic: boolean },
): Promise<MutantResult[]> {
  // Not Stryker's own option `testFiles`: with it, a mutant of a constant is switched on after the constant was made.
  process.env["MUTATION_TESTS"] = JSON.stringify(tests);
  const options = {
    mutate: [...files],
    ignoreStatic,
    inPlace: true,
    disableTypeChecks: false,
    coverageAnalysis: "perTest",
    concurrency: 1,
    testRunner: "vitest",
    plugins: ["@stryker-mutator/vitest-runner", pathOf("ignore-wording.ts"), pathOf("type-check.ts")],
    ignorers: ["wording"],
    checkers: ["types"],
    vitest: { configFile: "tools/vitest.mutation.config.ts", related: false },
    reporters: [],
    logLevel: "error",
    warnings: false,
    allowEmpty: true,
    // A timeout counts as killed, so a busy machine must not cause one.
    timeoutMS: 15_000,
    dryRunTimeoutMinutes: 60,
  };
  return new Stryker(options as ConstructorParameters<typeof Stryker>[0]).runMutationTest();
}

function pathOf(plugin: string): string {
  return new URL(plugin, import.meta.url).pathname;
}
