import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { relative } from "node:path";
import type { MutantResult } from "./mutate.ts";
import { hasSurvived } from "./score.ts";

/**
 * Marks the survivors that do not compile: the type check finds these faults, so no test has to. Checks one survivor of each
 * file at a time, in the current folder, and restores the files.
 */
export function markInvalid(mutants: readonly MutantResult[]): MutantResult[] {
  const invalid = new Set<MutantResult>();
  const left = Map.groupBy(mutants.filter(hasSurvived), ({ fileName }) => relative(process.cwd(), fileName));
  const sources = new Map([...left.keys()].map((file) => [file, readFileSync(file, "utf8")]));
  while (left.size > 0) {
    const round = new Map<string, MutantResult>();
    for (const [file, survivors] of left) {
      const mutant = survivors.pop();
      if (!mutant) left.delete(file);
      writeFileSync(file, mutant ? mutated(mutant, sources.get(file) ?? "") : (sources.get(file) ?? ""));
      if (mutant) round.set(file, mutant);
    }
    for (const file of round.size > 0 ? filesWithErrors() : []) {
      const mutant = round.get(file);
      if (mutant) invalid.add(mutant);
    }
  }
  return mutants.map((mutant) => (invalid.has(mutant) ? { ...mutant, status: "CompileError" } : mutant));
}

/** The files in which the type check of the functions finds errors. */
function filesWithErrors(): Set<string> {
  const tsc = ["node_modules/typescript/bin/tsc", "--noEmit", "--pretty", "false", "--project", "functions"];
  const { stdout } = spawnSync(process.execPath, tsc, { encoding: "utf8" });
  return new Set([...stdout.matchAll(/^(\S+)\(\d+,\d+\): error/gm)].map(([, file = ""]) => file));
}

function mutated({ location: { start, end }, replacement }: MutantResult, source: string): string {
  const lines = source.split("\n");
  const before = [...lines.slice(0, start.line - 1), lines[start.line - 1]?.slice(0, start.column - 1)].join("\n");
  const after = [lines[end.line - 1]?.slice(end.column - 1), ...lines.slice(end.line)].join("\n");
  return before + replacement + after;
}
