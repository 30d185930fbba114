import { randomUUID } from "node:crypto";
import { DynamoDBClient, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { startEmulators } from "../support/emulators.ts";

export type Stage = Awaited<ReturnType<typeof startStage>>;

/** Everything that the built function talks to, behind real sockets and on the real clock, and its environment. */
export async function startStage() {
  const { clock, table, secrets, simulator, variables, secretOf, close } = await startEmulators();
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
      secrets.store.createSecret({ Name: secretOf(connection), SecretString, ClientRequestToken: randomUUID() });
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
      ...variables,
      AWS_DEFAULT_REGION: variables.AWS_REGION,
      AWS_LAMBDA_FUNCTION_NAME: "token",
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: "1024",
      TZ: "UTC",
    },
    async close(): Promise<void> {
      client.destroy();
      await close();
    },
  };
}
