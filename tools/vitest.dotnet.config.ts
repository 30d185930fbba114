import { defineConfig } from "vitest/config";

/** The tests that compile and run the .NET example: `npm run test:dotnet`. */
export default defineConfig({
  test: {
    include: ["test/dotnet/**/*.dotnet.ts"],
    globalSetup: "test/dotnet/mono.ts",
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
});
