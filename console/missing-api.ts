import type { DeployedCallers } from "@smart-token-broker/auth-core/rules/callers/deployed-callers.ts";
import type { ConnectionStatus } from "@smart-token-broker/status/rules/connection-status.ts";
import type { Fix } from "./cause.ts";

/** Why all calls of a connection fail, and what to do: it has no `apiBaseUrl`, and entries with calls may use it. Pure. */
export function missingApi(
  { connection, apiBaseUrl }: { connection: string; apiBaseUrl?: string | undefined },
  callers: DeployedCallers,
): { why: string; fix: Fix } | undefined {
  const entries = Object.entries(callers)
    .filter(([, { connections }]) => connections === "any" || connections?.includes(connection))
    .map(([name]) => name);
  if (apiBaseUrl !== undefined || entries.length === 0) return undefined;
  const of =
    entries.length > 3 ? `${entries.slice(0, 3).join(", ")} and ${entries.length - 3} more` : entries.join(", ");
  return {
    why: `Calls of ${of} get HTTP 409: ${connection} has no apiBaseUrl.`,
    fix: { what: "Set it", args: `connections set ${connection} --api-base-url URL` },
  };
}

/** The same of a connection with a token set: without one, its status does not say whether it has an `apiBaseUrl`. */
export function missingApiOf(status: ConnectionStatus, callers: DeployedCallers) {
  const { connection, api_base_url: apiBaseUrl, last_success_at: hasTokens } = status;
  return hasTokens === undefined ? undefined : missingApi({ connection, apiBaseUrl }, callers);
}
