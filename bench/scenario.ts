import type { Report } from "./figures.ts";

/** `tiny` is as little as shows that the scenario works. Its figures mean nothing. */
export type Size = "full" | "tiny";

/** A deployment, or a local run. */
export interface Target {
  /** Of the API. */
  url: string;
  connection: string;
  /** How many tokens to request, one after another. */
  requests: number;
}

export interface Scenario {
  /** What it measures, for the head of its table. */
  title: string;
  run: (size: Size) => Promise<Report>;
}
