import { createHash } from "node:crypto";
import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { type CommandResult, readId, readInteger } from "../command.ts";
import { callApi, detailsOf, expectOk } from "../deployment/api.ts";
import { brokerCommand } from "../../console/broker-command.ts";
import type { Deployment } from "../deployment/deployment.ts";
import { unknownConnection } from "../deployment/secrets.ts";
import { readSecret } from "../terminal/read-secret.ts";
import { withProgress } from "../terminal/progress.ts";

/** Requests a token as a caller does. Prints only the token, for a pipe; `--json` prints the whole response. */
export function getToken(deployment: Deployment, id: string, options: { minTtl: string }): Promise<CommandResult> {
  const connection = readId(id);
  const minTtl = readInteger("--min-ttl", options.minTtl, 0, 1800);
  return requestToken(deployment, connection, `?min_ttl=${minTtl}`);
}

/** Reports a token as rejected, by its hash, and prints another one. Reads the token from a file, stdin or a prompt. */
export async function rejectToken(
  deployment: Deployment,
  id: string,
  options: { tokenFile?: string },
): Promise<CommandResult> {
  const connection = readId(id);
  const token = await readSecret("Rejected token", options.tokenFile, "--token-file");
  const hash = createHash("sha256")
    .update(token.reveal().replace(/^Bearer +/i, ""))
    .digest("hex");
  return requestToken(deployment, connection, "", { rejected_token_sha256: hash });
}

async function requestToken(
  deployment: Deployment,
  connection: ConnectionId,
  query: string,
  post?: object,
): Promise<CommandResult> {
  const request = callApi(deployment, `/v1/connections/${connection}/token${query}`, post);
  const response = await withProgress("Requesting a token", request);
  const { code } = response.body;
  const command = code === "connection_not_ready" ? "connections show" : "status";
  const next =
    response.status === 403
      ? "Grant your role execute-api:Invoke on this connection (docs/connections.md#grant-a-caller), and check the clock of this machine."
      : `See ${brokerCommand(deployment, `${command} ${connection}`)}`;
  if (response.status === 404 && code === "unknown_connection") {
    throw await unknownConnection(deployment, connection, detailsOf(response));
  }
  const body = expectOk(response, "access_token", next);
  return { text: `${String(body["access_token"])}\n`, json: body };
}
