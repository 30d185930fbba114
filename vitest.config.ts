import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineConfig } from "vitest/config";

// `npx vitest` is not an npm script, so this checks the version of Node again.
createRequire(import.meta.url)("./tools/require-node.cjs");

// The workers, and every process that a test starts, share compiled code.
process.env["NODE_COMPILE_CACHE"] ??= join(tmpdir(), "node-compile-cache");

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: "test/support/temporary-folder.ts",
    // A synth with every rule takes seconds, and several of them on a busy machine many.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // The suite must run on two cores. More workers than cores make it slower.
    maxWorkers: 2,
    // A worker keeps what it has loaded for its next file: the AWS SDK and the CDK take a second each. So a test file
    // undoes what it does to the process: spies, environment variables, fake clients.
    isolate: false,
  },
});
