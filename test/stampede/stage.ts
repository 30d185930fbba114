import { randomUUID } from "node:crypto";
import { DynamoDBClient, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { environmentVariables } from "../../functions/auth-core/rules/settings.ts";
import { startSecretsManager } from "../../local/secrets-manager/server.ts";
import { startSimulator } from "../../local/simulator/server.ts";
import { startTable } from "../support/table.ts";

const place = { region: "eu-south-1", accountId: "123456789012" };
const prefix = "smart-token-broker/dev";

export type Stage = Awaited<ReturnType<typeof startStage>>;

/** Everything that the built function talks to, behind real sockets and on the real clock, and its environment. */
export async function startStage() {
  const clock = { now: () => Date.now() / 1000 };
  const [table, secrets, simulator] = await Promise.all([
    startTable(),
    startSecretsManager({ clock, ...place }),
    startSimulator({ clock }),
  ]);
  const client = new DynamoDBClient(table.config);

  /** Writes instants into a connection's item, without the broker. */
  async function setInstant(connection: string, attribute: string, instant: number): Promise<void> {
    await client.send(
      new UpdateItemCommand({
        TableName: table.name,
        Key: { connection: { S: connection } },
        UpdateExpression: "SET #attribute = :instant",
        ExpressionAttributeNames: { "#attribute": attribute },
        ExpressionAttributeValues: { ":instant": { N: String(instant) } },
      }),
    );
  }

  return {
    simulator,
    register(connection: string): void {
      const registration = { username: `admin_${connection}`, scope: connection, apiKey: "fake-key-1" };
      simulator.admit(registration);
      const SecretString = JSON.stringify(registration);
      secrets.store.createSecret({ Name: `${prefix}/${connection}`, SecretString, ClientRequestToken: randomUUID() });
    },
    /** Makes the stored access token expire now. Its refresh token stays valid. */
    expire: (connection: string) => setInstant(connection, "accessTokenExpiresAt", clock.now() - 1),
    /** Shortens the lease of the connection to so many seconds. */
    shortenLease: (connection: string, seconds: number) => setInstant(connection, "leaseUntil", clock.now() + seconds),
    /** API-key requests of one connection so far. A refresh-token request does not name its connection. */
    exchanges: (connection: string) =>
      simulator.requests.filter(({ fields }) =>
        fields.some(({ name, value }) => name === "scope" && value === connection),
      ).length,
    environment: {
      [environmentVariables.stage]: "dev",
      [environmentVariables.tableName]: table.name,
      [environmentVariables.secretPrefix]: prefix,
      [environmentVariables.defaultBaseUrl]: simulator.url,
      [environmentVariables.allowLoopbackHttp]: "true",
      AWS_REGION: place.region,
      AWS_DEFAULT_REGION: place.region,
      AWS_ACCESS_KEY_ID: "LOCALFUNCTION",
      AWS_SECRET_ACCESS_KEY: "local-function-secret",
      AWS_LAMBDA_FUNCTION_NAME: "token",
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: "1024",
      AWS_ENDPOINT_URL_DYNAMODB: table.config.endpoint,
      AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.url,
      AWS_CONFIG_FILE: "/dev/null",
      AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
      TZ: "UTC",
    },
    async close(): Promise<void> {
      client.destroy();
      await Promise.all([table.close(), secrets.close(), simulator.close()]);
    },
  };
}
