import type { Caller } from "./callers.ts";

/** The key in the Api stack's metadata under which an operator's commands find the deployed callers. */
export const callersMetadata = "SmartTokenBrokerCallers";

/** The deployed callers by name, as far as the command line needs them. It has no secret. */
export type DeployedCallers = Record<string, DeployedCaller>;

interface DeployedCaller {
  kind: Caller["kind"];
  keySha256?: string[];
  /** Absent: it gets tokens. */
  calls?: true;
  /**
   * Of an entry with calls: the connections that it may use, or `any` that its JWTs name. Absent if there are over a hundred: a
   * template has a limit.
   */
  connections?: string[] | "any";
  /** Of an entry with calls and `oidc`: with it, a user's `sub` is one user. */
  issuer?: string;
}

/** Describes the list of callers for the template. */
export function describeCallers(callers: Caller[]): DeployedCallers {
  return Object.fromEntries(
    callers.map((caller) => [
      caller.name,
      {
        kind: caller.kind,
        ...(caller.kind === "key" && { keySha256: caller.keySha256 }),
        ...(caller.calls && {
          calls: true as const,
          ...((caller.connections?.length ?? 0) <= 100 && { connections: caller.connections ?? ("any" as const) }),
          ...(caller.kind === "oidc" && { issuer: caller.issuer }),
        }),
      },
    ]),
  );
}
