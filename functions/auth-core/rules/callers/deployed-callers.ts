import type { Caller } from "./callers.ts";

/** The key in the Api stack's metadata under which an operator's commands find the deployed callers. */
export const callersMetadata = "SmartTokenBrokerCallers";

/** The deployed callers by name, as far as `broker callers revoke` needs them. It has no secret. */
export type DeployedCallers = Record<string, { kind: Caller["kind"]; keySha256?: string[] }>;

/** Describes the list of callers for the template. */
export function describeCallers(callers: Caller[]): DeployedCallers {
  return Object.fromEntries(
    callers.map((caller) => [
      caller.name,
      { kind: caller.kind, ...(caller.kind === "key" && { keySha256: caller.keySha256 }) },
    ]),
  );
}
