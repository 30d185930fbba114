import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import type { ConnectionStatus } from "@smart-token-broker/status/rules/connection-status.ts";
import { withProgress } from "../terminal/progress.ts";
import { callApi, expectOk } from "./api.ts";
import type { Deployment } from "./deployment.ts";

const nextStep = (status: number) =>
  status === 403 ? "Grant your role execute-api:Invoke on GET/v1/status and GET/v1/status/*." : "Run it again.";

/** Reads the status of all connections that were requested, page by page. */
export async function allStatuses(deployment: Deployment): Promise<ConnectionStatus[]> {
  const found: ConnectionStatus[] = [];
  let cursor: unknown;
  do {
    const more = typeof cursor === "string" ? `&cursor=${encodeURIComponent(cursor)}` : "";
    const response = await withProgress("Reading the status", callApi(deployment, `/v1/status?limit=500${more}`));
    const body = expectOk(response, "connections", nextStep(response.status));
    found.push(...(body["connections"] as ConnectionStatus[]));
    cursor = body["next_cursor"];
  } while (cursor !== undefined);
  return found;
}

/**
 * Whether the tokens were deleted because the secret did not exist, and no request came since. If the secret exists
 * again, the next request gets a token: nothing is wrong.
 */
export function areTokensDeleted({ last_error: error }: ConnectionStatus): boolean {
  return error?.code === "unknown_connection";
}

/** Reads the status of one connection; `undefined` if nobody has requested it yet. */
export async function statusOfOne(
  deployment: Deployment,
  connection: ConnectionId,
): Promise<ConnectionStatus | undefined> {
  const response = await withProgress("Reading the status", callApi(deployment, `/v1/status/${connection}`));
  if (response.status === 404 && response.body["code"] === "unknown_connection") return undefined;
  return expectOk(response, "connection", nextStep(response.status)) as unknown as ConnectionStatus;
}
