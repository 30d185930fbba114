import type { ConnectionStatus } from "@smart-token-broker/status/rules/connection-status.ts";
import type { Fix } from "./cause.ts";

/** Callers by name: `connections` of those with calls, as the deployment describes them. */
type Callers = Record<string, { connections?: string[] | "any" }>;

/** Why all calls of a connection fail, and what to do: it has no `apiBaseUrl`, and entries with calls may use it. Pure. */
export function missingApi(
  connection: string,
  apiBaseUrl: string | undefined,
  callers: Callers,
): { why: string; fix: Fix } | undefined {
  const [first, ...others] = Object.entries(callers).flatMap(([name, { connections }]) =>
    connections === "any" || connections?.includes(connection) ? [name] : [],
  );
  if (apiBaseUrl !== undefined || first === undefined) return undefined;
  const entries = others.length === 0 ? first : `${first} and ${others.length} more`;
  return {
    why: `Calls of ${entries} get HTTP 409: ${connection} has no apiBaseUrl.`,
    fix: { what: "Set it", args: `connections set ${connection} --api-base-url URL` },
  };
}

/** The same of a connection with a token set: without one, its status does not say whether it has an `apiBaseUrl`. */
export const missingApiOf = (status: ConnectionStatus, callers: Callers) =>
  status.last_success_at === undefined ? undefined : missingApi(status.connection, status.api_base_url, callers);
