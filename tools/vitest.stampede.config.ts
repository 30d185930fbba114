import { defineConfig } from "vitest/config";

/**
 * The stampedes: `npm run test:stampede`. Alone on the machine, because hundreds of environments ask one embedded table
 * at once, and what else runs beside them would make it miss the broker's own second for an answer.
 */
export default defineConfig({
  test: {
    include: ["test/stampede/stampede.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // A machine that is shared may be slow for a moment; a stampede that is wrong is wrong three times.
    retry: 2,
  },
});
