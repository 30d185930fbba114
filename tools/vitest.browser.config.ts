import { defineConfig } from "vitest/config";

/** The tests that need a browser: `npm run test:browser`. */
export default defineConfig({
  test: {
    include: ["test/browser*/**/*.browser.ts"],
    globalSetup: "test/browser/chromium.ts",
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // All tests serve their page at the same port: the sample list of callers has only this origin.
    fileParallelism: false,
  },
});
