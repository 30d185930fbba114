import { defineConfig } from "vitest/config";

/** The tests that run the Python, PHP and bash clients of examples/: `npm run test:recipes`. */
export default defineConfig({
  test: {
    include: ["test/recipes/**/*.recipe.ts"],
    globalSetup: ["test/support/temporary-folder.ts", "test/recipes/packages.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
