import { globSync } from "node:fs";

/** The sources that are mutated, and the least share of killed mutants of each group, in percent. */
export const groups = {
  "use cases": {
    goal: 90,
    patterns: [
      "functions/auth-core/use-cases/*.ts",
      "functions/key-rotation/{create-secret,finish-secret,rotate-key,step,step-failure,test-secret}.ts",
      "functions/token-rotation/{check-secret,maintain-keys,retire-keys,sweep}.ts",
      "functions/oauth/{authenticate,fetch-keys,find-connection,issued-handles,issuer-keys,jwt-verifier,named-token,revoked-keys}.ts",
    ],
  },
  rules: {
    goal: 95,
    patterns: [
      "functions/auth-core/rules/*.ts",
      "functions/key-rotation/{rotation-error,rotation-event}.ts",
      "functions/token-rotation/{credential-ages,shard}.ts",
      "functions/oauth/{claims,form,grant-request,jwt-rules,oauth-error,refresh-handle}.ts",
      "functions/status/{connection-status,status-request}.ts",
      "functions/token/token-request.ts",
    ],
  },
  adapters: {
    patterns: [
      "functions/auth-core/adapters/*.ts",
      "functions/oauth/{handle-table,name-index,revoked-key-table}.ts",
      "functions/status/status-table.ts",
    ],
  },
  handlers: {
    patterns: [
      "functions/*/handler.ts",
      "functions/auth-core/http/*.ts",
      "functions/auth-core/*.ts",
      "functions/oauth/{endpoint,metadata,oauth-response}.ts",
      "functions/prober/probe-*.ts",
    ],
  },
} satisfies Record<string, { goal?: number; patterns: string[] }>;

export type Group = keyof typeof groups;

/** The files of a group, by name. */
export function filesOf(group: Group, root: string): string[] {
  return globSync(groups[group].patterns, { cwd: root }).toSorted();
}
