import { defineConfig } from "vitest/config";

/**
 * The tests with hundreds of environments: `npm run test:stampede`. Run them on an idle machine: all environments use one
 * embedded table at once, and other load would make it exceed the broker's timeout of 1 s.
 */
export default defineConfig({
  test: {
    include: ["test/stampede/stampede.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // A shared machine may be slow for a moment. A real fault fails all three attempts.
    retry: 2,
  },
});
