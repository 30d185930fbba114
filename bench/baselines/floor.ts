import { DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";

const client = new DynamoDBClient({});

/** The floor of a cold start with the SDK: one GetItem, and nothing else. */
export async function handler(event: { pathParameters: { connection: string } }): Promise<object> {
  const Key = { connection: { S: event.pathParameters.connection } };
  const input = { TableName: process.env["BROKER_TABLE_NAME"], Key, ConsistentRead: true };
  const { Item } = await client.send(new GetItemCommand(input));
  return { statusCode: 200, body: JSON.stringify({ access_token: Item?.["accessToken"]?.S }) };
}
