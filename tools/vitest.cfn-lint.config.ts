import { defineConfig } from "vitest/config";

/** The check of the templates with cfn-lint: `npm run test:cfn-lint`. */
export default defineConfig({
  test: {
    include: ["test/cfn-lint/**/*.cfn-lint.ts"],
    globalSetup: "test/support/temporary-folder.ts",
    // One run of cfn-lint reads all templates, which takes 20 to 30 s.
    testTimeout: 300_000,
    maxWorkers: 1,
  },
});
