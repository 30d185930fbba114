import { createHash } from "node:crypto";
import { globSync, readFileSync } from "node:fs";

/** Tests that need milliseconds. Only they can run for mutants of constants and schemas, as these need all tests. */
const quick = [
  "test/unit/*.test.ts",
  "test/{keys,status}/rules*.test.ts",
  "test/oauth/{callers,claims,form,grant-request,jwt-rules,refresh-handle}.test.ts",
];
const behaviour = ["test/{service,rotation,keys,oauth}/*.test.ts"];

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
    patterns: [
      "functions/auth-core/use-cases/*.ts",
      "functions/key-rotation/{create-secret,finish-secret,rotate-key,rotation-error,step,step-failure,test-secret}.ts",
      "functions/token-rotation/{check-secret,maintain-keys,retire-keys,sweep}.ts",
      "functions/oauth/{authenticate,fetch-keys,find-connection,issued-handles,issuer-keys,jwt-verifier,named-token,revoked-keys}.ts",
    ],
  },
  rules: {
    goal: 95,
    tests: quick,
    withConstants: true,
    patterns: [
      "functions/auth-core/rules/*.ts",
      "functions/key-rotation/rotation-event.ts",
      "functions/token-rotation/{credential-ages,shard}.ts",
      "functions/oauth/{claims,form,grant-request,jwt-rules,oauth-error,refresh-handle}.ts",
      "functions/status/{connection-status,status-request}.ts",
      "functions/token/token-request.ts",
    ],
  },
  adapters: {
    tests: ["test/adapters/*.test.ts", ...behaviour],
    patterns: [
      "functions/auth-core/adapters/*.ts",
      "functions/oauth/{handle-table,name-index,revoked-key-table}.ts",
      "functions/status/status-table.ts",
    ],
  },
  handlers: {
    tests: ["test/{unit,status}/*.test.ts", ...behaviour],
    patterns: [
      "functions/*/handler.ts",
      "functions/auth-core/http/*.ts",
      "functions/auth-core/*.ts",
      "functions/oauth/{endpoint,metadata,oauth-response}.ts",
      "functions/prober/probe-*.ts",
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
