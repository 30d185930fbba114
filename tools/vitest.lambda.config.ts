import { defineConfig } from "vitest/config";

/** The tests that run the bundles under Lambda's runtime client: `npm run test:lambda`. */
export default defineConfig({
  test: {
    include: ["test/lambda/**/*.lambda.ts"],
    // Before the first run it compiles the runtime client, outside of any time limit.
    globalSetup: "test/lambda/client.ts",
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
