import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // A synth with every rule takes seconds, and several of them on a busy machine many.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Two cores are the smallest machine that this suite is meant for; more workers than cores only adds noise.
    maxWorkers: 2,
  },
});
