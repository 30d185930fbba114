import { DynamoDBClient, ListTablesCommand, ScanCommand } from "@aws-sdk/client-dynamodb";
import { simulatedAccount } from "../../local/put-secrets.ts";
import { operator as credentials, region, StartedCommand } from "../local/run-harness.ts";

export const account = simulatedAccount("webapicorso");

/** Starts the local run with its sample list of callers and a connection that nobody has requested. */
export async function startBroker(options: string[] = []): Promise<StartedCommand> {
  const file = JSON.stringify({ webapicorso: { ...account, apiKey: "fake-key-1" } });
  const run = new StartedCommand(["--port", "0", "--connections", "FILE", ...options], { file });
  await run.ready();
  return run;
}

/** As above. Tokens live 12 s and a minute of the schedules lasts a second: memory expires and due work is done soon. */
export async function startFastBroker(): Promise<StartedCommand> {
  const run = await startBroker(["--tick", "1"]);
  await run.simulator("/_simulator", { lifetime: 12 });
  return run;
}

/** The JWT of a user who has signed in at the local issuer. */
export const userJwt = (run: StartedCommand) => issuedJwt(run, { grant_type: "password", username: "fake-user" });

/** The JWT of a user who makes calls, and gets no token. */
export const callerJwt = (run: StartedCommand) =>
  issuedJwt(run, { grant_type: "password", username: "fake-user", client_id: "page" });

/** The OIDC token of a pipeline's job. */
export const pipelineJwt = (run: StartedCommand) => issuedJwt(run, { grant_type: "client_credentials" });

async function issuedJwt(run: StartedCommand, form: Record<string, string>): Promise<string> {
  const response = await fetch(`${run.url("issuer")}/token`, { method: "POST", body: new URLSearchParams(form) });
  return String(((await response.json()) as Record<string, unknown>)["access_token"]);
}

/** The status with which the business API responds to a token: 200, or 401 if the token is not valid. */
export async function usedStatus(run: StartedCommand, token: unknown): Promise<number> {
  const headers = { authorization: `Bearer ${String(token)}` };
  const response = await fetch(`${run.url("simulator")}/api/v1/${account.scope}/CO/Customers`, { headers });
  await response.body?.cancel();
  return response.status;
}

/** The stored token, and the fingerprint of the key that it was issued for. */
export async function stored(run: StartedCommand): Promise<{ token: string | undefined; key: string | undefined }> {
  const client = new DynamoDBClient({ endpoint: run.url("dynamodb"), region, credentials });
  try {
    const { TableNames: [TableName] = [] } = await client.send(new ListTablesCommand());
    const { Items: [item] = [] } = await client.send(new ScanCommand({ TableName, ConsistentRead: true }));
    return { token: item?.["accessToken"]?.S, key: item?.["keyFingerprint"]?.S };
  } finally {
    client.destroy();
  }
}
