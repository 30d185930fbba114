import { globSync } from "node:fs";
import { relative } from "node:path";
import { Stryker } from "@stryker-mutator/core";

export type MutantResult = Awaited<ReturnType<Stryker["runMutationTest"]>>[number];

const options = {
  inPlace: true,
  disableTypeChecks: false,
  coverageAnalysis: "perTest",
  concurrency: 1,
  reporters: [],
  logLevel: "error",
  warnings: false,
  allowEmpty: true,
  timeoutMS: 10_000,
  dryRunTimeoutMinutes: 24 * 60,
};

/**
 * Mutates files of the current folder, and returns every mutant with its result. In the first round, all tests run again
 * for each mutant, in one process. Code that runs only while a file loads, such as a constant, needs a process per mutant:
 * these mutants are left to a second round, with the tests of the rules.
 */
export async function mutate(files: readonly string[]): Promise<MutantResult[]> {
  const plugin = new URL("stryker-plugin.ts", import.meta.url).pathname;
  const batch = { testRunner: "batch", plugins: [plugin], ignoreStatic: true };
  const first = await stryker({ ...batch, mutate: files });
  const statics = new Set(first.filter(({ status }) => status === "Ignored").map(placeOf));
  if (statics.size === 0) return first;
  process.env["MUTATION_ROUND"] = "static";
  const second = await stryker({
    testRunner: "vitest",
    plugins: ["@stryker-mutator/vitest-runner"],
    vitest: { configFile: "tools/vitest.mutation.config.ts", related: false },
    testFiles: globSync(["test/unit/*.test.ts", "test/*/{rules*,callers,claims,form,grant-request,jwt-rules}.test.ts"]),
    mutate: [...statics],
  });
  delete process.env["MUTATION_ROUND"];
  const results = new Map(second.map((mutant) => [keyOf(mutant), mutant]));
  return first.map((mutant) => (mutant.status === "Ignored" ? (results.get(keyOf(mutant)) ?? mutant) : mutant));
}

function stryker(more: object): Promise<MutantResult[]> {
  return new Stryker({ ...options, ...more } as ConstructorParameters<typeof Stryker>[0]).runMutationTest();
}

/** Stryker's pattern for the code of a mutant. Its columns start at 0 there, and at 1 in a result. */
function placeOf({ fileName, location: { start, end } }: MutantResult): string {
  const file = relative(process.cwd(), fileName);
  return `${file}:${start.line}:${start.column - 1}-${end.line}:${end.column - 1}`;
}

function keyOf(mutant: MutantResult): string {
  return `${placeOf(mutant)} ${mutant.mutatorName} ${mutant.replacement}`;
}
