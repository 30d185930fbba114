import { defineConfig, type ViteUserConfig } from "vitest/config";

const minute = 60_000;

/** The tests that need more than Node, or more time: the script `test:NAME` runs those of its name. */
const kinds: Record<string, ViteUserConfig["test"]> = {
  browser: {
    include: ["test/browser*/**/*.browser.ts"],
    globalSetup: "test/browser/chromium.ts",
    testTimeout: minute / 2,
    // All tests serve their page at the same port: the sample list of callers has only this origin.
    fileParallelism: false,
  },
  "cfn-lint": {
    include: ["test/cfn-lint/**/*.cfn-lint.ts"],
    globalSetup: "test/support/temporary-folder.ts",
    // One run of cfn-lint reads all templates, which takes 20 to 30 s.
    testTimeout: 5 * minute,
    maxWorkers: 1,
  },
  // The package @smart-token-broker/cdk as another team installs it.
  construct: {
    include: ["test/construct/**/*.construct.ts"],
    globalSetup: "test/support/temporary-folder.ts",
    // Building, packing, installing and two syntheses take about half a minute, the check of the types some seconds.
    hookTimeout: 5 * minute,
  },
  // They build the documentation site and read it in a browser.
  docs: {
    include: ["test/site/**/*.docs.ts"],
    globalSetup: "test/browser/chromium.ts",
    testTimeout: minute / 2,
    // The first build installs the generator.
    hookTimeout: 3 * minute,
  },
  dotnet: {
    include: ["test/dotnet/**/*.dotnet.ts"],
    globalSetup: "test/dotnet/mono.ts",
  },
  "dynamodb-local": {
    include: ["test/dynamodb-local/**/*.dynamodb-local.ts", "test/adapters/table-*.test.ts"],
    globalSetup: "test/dynamodb-local/server.ts",
    maxWorkers: 2,
    isolate: false,
  },
  lambda: {
    include: ["test/lambda/**/*.lambda.ts"],
    // Before the first run it compiles the runtime client, outside of any time limit.
    globalSetup: "test/lambda/client.ts",
    testTimeout: minute / 2,
    hookTimeout: minute / 2,
  },
  moto: { include: ["test/moto/**/*.moto.ts"], globalSetup: "test/moto/server.ts", maxWorkers: 2 },
  recipes: {
    include: ["test/recipes/**/*.recipe.ts"],
    globalSetup: ["test/support/temporary-folder.ts", "test/recipes/packages.ts"],
  },
};

export default defineConfig(({ mode }) => ({
  test: { include: [], testTimeout: minute, hookTimeout: minute, ...kinds[mode] },
}));
