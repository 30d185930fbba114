import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import type { Deployment } from "../deployment/deployment.ts";

/** The IAM statement for a caller of one connection. Exact ARNs, because `*` would also match other connections. */
export function callerStatement({ partition, region, accountId, apiId }: Deployment, connection: ConnectionId): object {
  const api = `arn:${partition}:execute-api:${region}:${accountId}:${apiId}/$default`;
  return {
    Effect: "Allow",
    Action: "execute-api:Invoke",
    Resource: ["GET", "POST"].map((method) => `${api}/${method}/v1/connections/${connection}/token`),
  };
}
