import { once } from "node:events";
import { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { CreateTableCommand, type CreateTableCommandInput, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import dynalite from "dynalite";

/** Starts an embedded DynamoDB with these tables, in memory, on 127.0.0.1. */
export async function startDynamoDb(
  tables: CreateTableCommandInput[],
  region: string,
): Promise<{ url: string; close: () => Promise<void> }> {
  const server = dynalite({ createTableMs: 0 });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = new DynamoDBClient({
    endpoint: url,
    region,
    credentials: { accessKeyId: "LOCAL", secretAccessKey: "local-secret" },
  });
  for (const table of tables) await client.send(new CreateTableCommand(table));
  client.destroy();
  return {
    url,
    close: () =>
      new Promise((resolve) => {
        // Not dynalite's own close: it closes the database under a query that still runs, which crashes the process. A
        // database in memory needs no closing.
        Server.prototype.close.call(server, () => resolve());
        server.closeAllConnections();
      }),
  };
}
