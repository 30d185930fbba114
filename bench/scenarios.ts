import type { Report } from "./figures.ts";

/** `tiny` is as little as shows that the scenario works. Its figures mean nothing. */
export type Size = "full" | "tiny";

export interface Scenario {
  /** What it measures, for the head of its table. */
  title: string;
  run: (size: Size) => Promise<Report>;
}

/** Every scenario, in the order of the tables. Each is loaded when it runs. */
export const scenarios: Record<string, Scenario> = {
  cold: {
    title: "a new environment, from the start of its process to its first response",
    run: async (size) => (await import("./cold.ts")).cold(size),
  },
};
