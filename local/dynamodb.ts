import { CreateTableCommand, type CreateTableCommandInput, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import dynalite from "dynalite";
import { listenOnLoopback, type LoopbackOptions } from "../console/loopback-server.ts";

/** Starts an embedded DynamoDB with these tables, in memory, on 127.0.0.1. */
export async function startDynamoDb(
  tables: CreateTableCommandInput[],
  region: string,
  options: LoopbackOptions = {},
): Promise<{ url: string; close: () => Promise<void> }> {
  // dynalite itself never listens, because it allows pages of every origin (CORS), and because its `close` ends the
  // database under a running query, which crashes the process. A database in memory needs no closing.
  const database = dynalite({ createTableMs: 0 });
  const { url, close } = await listenOnLoopback(
    (request, response) => void database.emit("request", request, response),
    options,
  );
  const client = new DynamoDBClient({
    endpoint: url,
    region,
    credentials: { accessKeyId: "LOCAL", secretAccessKey: "local-secret" },
  });
  for (const table of tables) await client.send(new CreateTableCommand(table));
  client.destroy();
  return { url, close };
}
