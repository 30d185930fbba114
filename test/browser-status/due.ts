import { DynamoDBClient, ListTablesCommand, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { emulatorConfig } from "../support/aws.ts";

/** Makes a connection of a local run due now, as if half of its token's lifetime had passed: the next sweep replaces it. */
export async function makeDue(endpoint: string, connection: string): Promise<void> {
  const client = new DynamoDBClient(emulatorConfig(endpoint));
  const { TableNames: [TableName] = [] } = await client.send(new ListTablesCommand());
  await client.send(
    new UpdateItemCommand({
      TableName,
      Key: { connection: { S: connection } },
      UpdateExpression: "SET dueAt = :now, nextActionAt = :now",
      ConditionExpression: "attribute_exists(accessToken)",
      ExpressionAttributeValues: { ":now": { N: String(Math.floor(Date.now() / 1000)) } },
    }),
  );
  client.destroy();
}
