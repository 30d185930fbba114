import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Runs the tests that need the least time first: most mutants do not survive them. */
class QuickTestsFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const order = [
      /\/unit\/|rules|make-due|make-call/,
      /\/service\//,
      /\/keys\/(?!announcing|bad-next|revoking|rotation|sharing)/,
      /\/rotation\//,
      /\/oauth|status\//,
      /./,
    ];
    const rank = ({ moduleId }: TestSpecification) => order.findIndex((each) => each.test(moduleId));
    return files.toSorted((a, b) => rank(a) - rank(b));
  }
}

/** The tests that `npm run mutation` runs: those that call the sources in their own process, and need no real time. */
export default defineConfig({
  test: {
    include: JSON.parse(process.env["MUTATION_TESTS"] ?? "[]"),
    exclude: [
      // They call bundles, which have no mutants.
      "test/{keys,rotation}/handler.test.ts",
      "test/oauth/{clients,function}.test.ts",
      "test/calls/function.test.ts",
      "test/status/{function,page,paging}.test.ts",
      // Thousands of generated inputs or runs, or seconds of real time: too slow for each mutant.
      "test/unit/hostile-input.test.ts",
      "test/**/{crash-points,entitlement,faults,github-owners,outage}.test.ts",
    ],
    alias: { "fast-check": new URL("mutation/fast-check.ts", import.meta.url).pathname },
    sequence: { sequencer: QuickTestsFirst },
    isolate: false,
    // A mutant that waits for ever is killed by the first test that covers it.
    testTimeout: 20_000,
    hookTimeout: 30_000,
  },
});
