import { spawnSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";

/** A mutant as Stryker's plugins get it: lines and columns start at 0. */
interface Mutant {
  id: string;
  fileName: string;
  location: Record<"start" | "end", { line: number; column: number }>;
  replacement: string;
}

/** A mutant that leaves a name unused is a fault for a test. */
const unused = ["--noUnusedLocals", "false", "--noUnusedParameters", "false"];

/**
 * Leaves out the mutants that do not compile: the type check finds these faults, so no test has to. Each becomes a file of
 * its own beside its source, in a copy of the tree without mutants, so that the compiler runs once.
 */
class TypeCheck {
  async init(): Promise<void> {}

  async group(mutants: Mutant[]) {
    return [mutants.map(({ id }) => id)];
  }

  async check(mutants: Mutant[]) {
    const copy = process.env["MUTATION_TYPES"] ?? "";
    const written = mutants.map((mutant) => {
      const source = join(copy, relative(process.cwd(), mutant.fileName));
      const file = source.replace(/\.ts$/, `.mutant-${mutant.id}.ts`);
      writeFileSync(file, mutated(mutant, readFileSync(source, "utf8")));
      return file;
    });
    const tsc = [
      "node_modules/typescript/bin/tsc",
      "--noEmit",
      "--pretty",
      "false",
      "--project",
      "functions",
      ...unused,
    ];
    const { stdout } = spawnSync(process.execPath, tsc, { cwd: copy, encoding: "utf8", maxBuffer: 2 ** 28 });
    for (const file of written) rmSync(file);
    const invalid = new Set([...stdout.matchAll(/\.mutant-(\d+)\.ts\(\d+,\d+\): error/g)].map(([, id]) => id));
    const resultOf = (id: string) =>
      invalid.has(id) ? { status: "compileError", reason: "type check" } : { status: "passed" };
    return Object.fromEntries(mutants.map(({ id }) => [id, resultOf(id)]));
  }
}

function mutated({ location: { start, end }, replacement }: Mutant, source: string): string {
  const lines = source.split("\n");
  const before = [...lines.slice(0, start.line), lines[start.line]?.slice(0, start.column)].join("\n");
  const after = [lines[end.line]?.slice(end.column), ...lines.slice(end.line + 1)].join("\n");
  return before + replacement + after;
}

/** Stryker reads this name. */
export const strykerPlugins = [{ kind: "Checker", name: "types", injectableClass: TypeCheck }];
