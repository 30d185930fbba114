import { defineConfig } from "vitest/config";

/** The package @smart-token-broker/cdk as another team installs it: `npm run test:construct`. */
export default defineConfig({
  test: {
    include: ["test/construct/**/*.construct.ts"],
    globalSetup: "test/support/temporary-folder.ts",
    // Building, packing, installing and two syntheses take about half a minute, the check of the types some seconds.
    hookTimeout: 300_000,
    testTimeout: 60_000,
  },
});
