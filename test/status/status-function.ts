import { BatchWriteItemCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { startFunctionEnvironment } from "../support/function-environment.ts";
import type { Attributes } from "../../fixtures/table.ts";
import { startTableProxy } from "../../fixtures/table-proxy.ts";

/** The status function on an embedded table, whose requests are recorded. */
export async function startStatus() {
  const emulators = await startFunctionEnvironment();
  const { table } = emulators;
  const proxy = await startTableProxy(table.config.endpoint);
  const environment = (variables: Record<string, string> = {}) =>
    emulators.startHttp("status", { AWS_ENDPOINT_URL_DYNAMODB: proxy.url, ...variables });

  return {
    requests: proxy.requests,
    printed: emulators.output,
    environment,
    ask: await environment(),
    /** Stores items as they are, many at a time. */
    async put(items: Attributes[]): Promise<void> {
      const client = new DynamoDBClient(table.config);
      for (let from = 0; from < items.length; from += 25) {
        const batch = items.slice(from, from + 25).map((Item) => ({ PutRequest: { Item } }));
        await client.send(new BatchWriteItemCommand({ RequestItems: { [table.name]: batch } }));
      }
      client.destroy();
    },
    async close() {
      await emulators.close();
      await proxy.close();
    },
  };
}
