import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import type { ConnectionStatus } from "@smart-token-broker/status/connection-status.ts";
import { withProgress } from "../terminal/progress.ts";
import { callApi, expectOk } from "./api.ts";
import type { Deployment } from "./deployment.ts";

const adviceFor = (status: number) =>
  status === 403 ? "your role needs execute-api:Invoke on GET/v1/status and GET/v1/status/*" : "try again";

/** The status of every connection that was ever asked for, by the API's own route, page by page. */
export async function allStatuses(deployment: Deployment): Promise<ConnectionStatus[]> {
  const found: ConnectionStatus[] = [];
  let cursor: unknown;
  do {
    const more = typeof cursor === "string" ? `&cursor=${encodeURIComponent(cursor)}` : "";
    const asked = callApi(deployment, `/v1/status?limit=500${more}`);
    const answer = await withProgress("reading the status", asked);
    const body = expectOk(answer, adviceFor(answer.status));
    found.push(...(body["connections"] as ConnectionStatus[]));
    cursor = body["next_cursor"];
  } while (cursor !== undefined);
  return found;
}

/**
 * Whether its tokens were erased because its secret was gone, and nobody has asked since. With a secret that is there
 * again the next request gets a token: nothing is wrong with it.
 */
export function isErased({ last_error: error }: ConnectionStatus): boolean {
  return error?.code === "unknown_connection";
}

/** The status of one connection; `undefined` where nobody has asked for it yet. */
export async function statusOfOne(
  deployment: Deployment,
  connection: ConnectionId,
): Promise<ConnectionStatus | undefined> {
  const answer = await withProgress("reading the status", callApi(deployment, `/v1/status/${connection}`));
  if (answer.status === 404 && answer.body["code"] === "unknown_connection") return undefined;
  return expectOk(answer, adviceFor(answer.status)) as unknown as ConnectionStatus;
}
