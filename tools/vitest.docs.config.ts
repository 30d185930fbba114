import { defineConfig } from "vitest/config";

/** The tests that build the documentation site and read it in a browser: `npm run test:docs`. */
export default defineConfig({
  test: {
    include: ["test/site/**/*.docs.ts"],
    globalSetup: "test/browser/chromium.ts",
    testTimeout: 30_000,
    // The first build installs the generator.
    hookTimeout: 180_000,
  },
});
