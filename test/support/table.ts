import { randomUUID } from "node:crypto";
import type { Server } from "node:http";
import { createRequire } from "node:module";
import {
  type AttributeValue,
  CreateTableCommand,
  DescribeTableCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
} from "@aws-sdk/client-dynamodb";
import { emulatorConfig } from "./aws.ts";
import { listen } from "./server.ts";

// It has no types. Tests use it as a server of node:http.
const dynalite = createRequire(import.meta.url)("dynalite") as (options: { createTableMs: number }) => Server;

export type Attributes = Record<string, AttributeValue>;

/** An emulated DynamoDB with the table of connections and its indexes, behind a real socket. */
export interface TestTable {
  name: string;
  /** For a client. Its time-outs are long, so that no client repeats a write on a busy machine. */
  config: ReturnType<typeof emulatorConfig> & { requestHandler: { requestTimeout: number } };
  /** The attributes of a connection's item as they are stored, or `undefined`. */
  raw(connection: string): Promise<Attributes | undefined>;
  /** Stores an item as it is, in place of what was there. */
  put(attributes: Attributes): Promise<void>;
  /** The entries of the index `due` in a partition, earliest first. */
  due(partition: number): Promise<Attributes[]>;
  close(): Promise<void>;
}

/** Starts an empty table on 127.0.0.1, in a server of its own or, under a new name, in one that is there already. */
export async function startTable(server?: { url: string; close: () => Promise<void> }): Promise<TestTable> {
  const { url, close } = server ?? (await listen(dynalite({ createTableMs: 0 })));
  const config = { ...emulatorConfig(url), requestHandler: { requestTimeout: 15_000, throwOnRequestTimeout: true } };
  const client = new DynamoDBClient(config);
  const TableName = server ? `fake-connections-${randomUUID()}` : "fake-connections";
  await client.send(new CreateTableCommand({ TableName, ...schema }));
  // Until then it has no items.
  while ((await client.send(new DescribeTableCommand({ TableName }))).Table?.TableStatus !== "ACTIVE");
  return {
    name: TableName,
    config,
    async raw(connection) {
      const Key = { connection: { S: connection } };
      return (await client.send(new GetItemCommand({ TableName, Key, ConsistentRead: true }))).Item;
    },
    async put(Item) {
      await client.send(new PutItemCommand({ TableName, Item }));
    },
    async due(partition) {
      const { Items = [] } = await client.send(
        new QueryCommand({
          TableName,
          IndexName: "due",
          KeyConditionExpression: "#partition = :partition",
          ExpressionAttributeNames: { "#partition": "partition" },
          ExpressionAttributeValues: { ":partition": { N: String(partition) } },
        }),
      );
      return Items;
    },
    async close() {
      client.destroy();
      await close();
    },
  };
}

const schema = {
  BillingMode: "PAY_PER_REQUEST" as const,
  AttributeDefinitions: [
    { AttributeName: "connection", AttributeType: "S" as const },
    { AttributeName: "partition", AttributeType: "N" as const },
    { AttributeName: "nextActionAt", AttributeType: "N" as const },
    { AttributeName: "registeredScope", AttributeType: "S" as const },
    { AttributeName: "username", AttributeType: "S" as const },
  ],
  KeySchema: [{ AttributeName: "connection", KeyType: "HASH" as const }],
  GlobalSecondaryIndexes: [
    {
      IndexName: "due",
      KeySchema: [
        { AttributeName: "partition", KeyType: "HASH" as const },
        { AttributeName: "nextActionAt", KeyType: "RANGE" as const },
      ],
      Projection: { ProjectionType: "INCLUDE" as const, NonKeyAttributes: ["failures"] },
    },
    {
      IndexName: "names",
      KeySchema: [
        { AttributeName: "registeredScope", KeyType: "HASH" as const },
        { AttributeName: "username", KeyType: "RANGE" as const },
      ],
      Projection: { ProjectionType: "KEYS_ONLY" as const },
    },
  ],
};
