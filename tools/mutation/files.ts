import { createHash } from "node:crypto";
import { globSync, readFileSync } from "node:fs";

/** Tests that need milliseconds. Only they can run for mutants of constants and schemas, as these need all tests. */
const quick = [
  "test/unit/*.test.ts",
  "test/{keys,status}/rules*.test.ts",
  "test/oauth/{callers,claims,form,grant-request,jwt-rules,refresh-handle}.test.ts",
  "test/calls/{rules,path-on-the-wire}.test.ts",
];
const behaviour = ["test/{service,rotation,keys,oauth,calls}/*.test.ts"];

/** Files that are mutated together, with the same tests. */
export interface MutatedGroup {
  goal?: number;
  tests: string[];
  /** Mutates code that runs only while a file loads, too. */
  withConstants?: boolean;
  patterns: string[];
}

/** The sources that are mutated, their tests, and the least share of killed mutants of each group, in percent. */
export const groups = {
  "use cases": {
    goal: 90,
    tests: behaviour,
    patterns: ["functions/*/use-cases/*.ts"],
  },
  rules: {
    goal: 95,
    tests: quick,
    withConstants: true,
    patterns: ["functions/*/rules/**/*.ts"],
  },
  adapters: {
    tests: ["test/adapters/*.test.ts", ...behaviour],
    patterns: ["functions/auth-core/adapters/*.ts", "functions/*/edges/*{-table,-index,-keys,-verifier}.ts"],
  },
  handlers: {
    tests: ["test/{unit,status}/*.test.ts", ...behaviour],
    patterns: [
      "functions/*/handler.ts",
      "functions/auth-core/http/*.ts",
      "functions/auth-core/*.ts",
      "functions/*/edges/{endpoint,metadata,oauth-response,probe-request}.ts",
    ],
  },
} satisfies Record<string, MutatedGroup>;

export type Group = keyof typeof groups;

/** The files of a group, by name. */
export function filesOf(group: Group, root: string): string[] {
  return globSync(groups[group].patterns, { cwd: root }).toSorted();
}

/** Some lines of files of the current folder, as Stryker names them: a fixed sample. A mutant of several lines is in none. */
export function linesOf(files: readonly string[], share: number): string[] {
  const isSampled = (place: string) => createHash("sha256").update(place).digest().readUInt32BE() < share * 2 ** 32;
  return files.flatMap((file) => {
    const lines = readFileSync(file, "utf8").split("\n").keys();
    return [...lines].map((line) => `${file}:${line + 1}-${line + 1}`).filter(isSampled);
  });
}
