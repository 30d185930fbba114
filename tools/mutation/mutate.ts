import { Stryker } from "@stryker-mutator/core";

export type MutantResult = Awaited<ReturnType<Stryker["runMutationTest"]>>[number];

/** Mutates files of the current folder, and returns every mutant with its result. */
export async function mutate(files: readonly string[]): Promise<MutantResult[]> {
  return new Stryker({
    mutate: [...files],
    inPlace: true,
    disableTypeChecks: false,
    coverageAnalysis: "perTest",
    ignoreStatic: true,
    testRunner: "batch",
    plugins: [new URL("stryker-plugin.ts", import.meta.url).pathname],
    concurrency: 1,
    reporters: [],
    logLevel: "error",
    allowEmpty: true,
    warnings: false,
    dryRunTimeoutMinutes: 24 * 60,
  } as never).runMutationTest();
}
