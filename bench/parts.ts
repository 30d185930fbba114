import { CreateSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { callerKeyHash } from "@smart-token-broker/auth-core/rules/caller-key.ts";
import { Secret } from "@smart-token-broker/auth-core/rules/secret.ts";
import { environmentVariables } from "@smart-token-broker/auth-core/rules/settings.ts";
import { startDynamoDb } from "../local/dynamodb.ts";
import { startSecretsManager } from "../local/secrets-manager/server.ts";
import { startSimulator } from "../local/simulator/server.ts";
import type { Simulator } from "../local/simulator/simulator.ts";

/** The embedded parts that every measurement uses, with one connection and a valid key. */
export interface Parts {
  environment: Record<string, string>;
  /** A request of each function for the connection. */
  events: Record<"token" | "oauth" | "status", object>;
  /** The list of callers, as JSON. */
  callers: string;
  simulator: Simulator;
  registration: { username: string; scope: string; apiKey: string };
  close: () => Promise<void>;
}

const region = "eu-south-1";
const tableName = "bench";
const secretPrefix = "smart-token-broker/bench";
const connection = "webapicorso";
const callerKey = new Secret(`stb_${"fake-key-of-bench_".repeat(4).slice(0, 43)}`);

export async function startParts(): Promise<Parts> {
  const clock = { now: () => Date.now() / 1000 };
  const dynamoDb = await startDynamoDb(
    [
      {
        TableName: tableName,
        BillingMode: "PAY_PER_REQUEST",
        KeySchema: [{ AttributeName: "connection", KeyType: "HASH" }],
        AttributeDefinitions: [{ AttributeName: "connection", AttributeType: "S" }],
      },
    ],
    region,
  );
  const secretsManager = await startSecretsManager({ clock, region, accountId: "123456789012" });
  const simulator = await startSimulator({ clock });
  const account = { username: "admin_webapicorso", scope: "webapicorso_alywebapicorso" };
  const registration = { ...account, apiKey: simulator.issueKey(account) };
  const credentials = { accessKeyId: "LOCAL", secretAccessKey: "local-secret" };
  const client = new SecretsManagerClient({ endpoint: secretsManager.url, region, credentials });
  const SecretString = JSON.stringify(registration);
  await client.send(new CreateSecretCommand({ Name: `${secretPrefix}/${connection}`, SecretString }));
  client.destroy();
  const form = "application/x-www-form-urlencoded";
  const named = { client_id: "bench", client_secret: callerKey.reveal() };
  const body = String(new URLSearchParams({ grant_type: "client_credentials", ...named }));
  return {
    simulator,
    registration,
    events: {
      token: event("GET /v1/connections/{connection}/token"),
      status: event("GET /v1/status/{connection}"),
      oauth: { ...event("POST /oauth/token"), headers: { "content-type": form }, body },
    },
    callers: JSON.stringify([{ name: "bench", connections: [connection], keySha256: [callerKeyHash(callerKey)] }]),
    environment: {
      [environmentVariables.stage]: "bench",
      [environmentVariables.tableName]: tableName,
      [environmentVariables.secretPrefix]: secretPrefix,
      [environmentVariables.defaultBaseUrl]: simulator.url,
      [environmentVariables.allowLoopbackHttp]: "true",
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_ENDPOINT_URL_DYNAMODB: dynamoDb.url,
      AWS_ENDPOINT_URL_SECRETS_MANAGER: secretsManager.url,
    },
    async close() {
      await simulator.close();
      await secretsManager.close();
      await dynamoDb.close();
    },
  };
}

/** An event of the gateway for the connection. */
function event(routeKey: string) {
  const [method = "", path = ""] = routeKey.replace("{connection}", connection).split(" ");
  return {
    version: "2.0",
    routeKey,
    rawPath: path,
    rawQueryString: "",
    headers: {},
    pathParameters: { connection },
    requestContext: {
      requestId: "bench",
      routeKey,
      stage: "$default",
      http: { method, path, protocol: "HTTP/1.1", sourceIp: "127.0.0.1", userAgent: "bench" },
      authorizer: { iam: { userArn: "arn:aws:sts::123456789012:assumed-role/bench/bench" } },
    },
    isBase64Encoded: false,
  };
}

export function median(values: number[]): number {
  return percentile(values, 0.5);
}

/** @param fraction 0 to 1 */
export function percentile(values: number[], fraction: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(fraction * sorted.length))] ?? Number.NaN;
}
