import { appendFileSync, readFileSync } from "node:fs";

/** What the worker of a run did, line by line, so that a run that hangs can be continued. */
export type Line =
  | { kind: "start"; pid: number; test: string; mutant?: string }
  | { kind: "killed"; test: string; mutant: string }
  /** `failed`: it failed without a mutant, so it killed none. */
  | { kind: "done"; test: string; covered: string[]; ms: number; failed: boolean }
  /** The mutants that ran while files loaded. */
  | { kind: "static"; mutants: string[] };

export function readResults(file: string): Line[] {
  const lines = readFileSync(file, "utf8").split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Line);
}

export function appendResult(file: string, line: Line): void {
  appendFileSync(file, `${JSON.stringify(line)}\n`);
}
