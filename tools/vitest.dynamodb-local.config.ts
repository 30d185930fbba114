import { defineConfig } from "vitest/config";

/** The tests of the table on Amazon's DynamoDB Local: `npm run test:dynamodb-local`. */
export default defineConfig({
  test: {
    include: ["test/dynamodb-local/**/*.dynamodb-local.ts", "test/adapters/table-*.test.ts"],
    globalSetup: "test/dynamodb-local/server.ts",
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    isolate: false,
  },
});
