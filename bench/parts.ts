import { CreateSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { environmentVariables } from "@smart-token-broker/auth-core/rules/settings.ts";
import { startDynamoDb } from "../local/dynamodb.ts";
import { startSecretsManager } from "../local/secrets-manager/server.ts";
import { startSimulator } from "../local/simulator/server.ts";
import type { Simulator } from "../local/simulator/simulator.ts";

/** The embedded parts that every measurement uses, with one connection and a valid key. */
export interface Parts {
  environment: Record<string, string>;
  event: object;
  simulator: Simulator;
  registration: { username: string; scope: string; apiKey: string };
  close: () => Promise<void>;
}

const region = "eu-south-1";
const tableName = "bench";
const secretPrefix = "smart-token-broker/bench";

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
  await client.send(new CreateSecretCommand({ Name: `${secretPrefix}/webapicorso`, SecretString }));
  client.destroy();
  return {
    simulator,
    registration,
    event: tokenEvent("webapicorso"),
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

function tokenEvent(connection: string): object {
  const path = `/v1/connections/${connection}/token`;
  return {
    version: "2.0",
    routeKey: "GET /v1/connections/{connection}/token",
    rawPath: path,
    rawQueryString: "",
    headers: {},
    pathParameters: { connection },
    requestContext: {
      requestId: "bench",
      routeKey: "GET /v1/connections/{connection}/token",
      stage: "$default",
      http: { method: "GET", path, protocol: "HTTP/1.1", sourceIp: "127.0.0.1", userAgent: "bench" },
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
