import { defineConfig } from "vitest/config";

/** The tests that need moto: `npm run test:moto`. */
export default defineConfig({
  test: {
    include: ["test/moto/**/*.moto.ts"],
    globalSetup: "test/moto/server.ts",
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
});
