import { afterAll, beforeAll, describe, inject } from "vitest";
import { dynamoDbClient } from "../../functions/auth-core/adapters/dynamodb-sdk.ts";
import { dynamoDbTokenTable } from "../../functions/auth-core/adapters/dynamodb.ts";
import type { KeyTable } from "../../functions/auth-core/use-cases/ports.ts";
import type { NameIndex } from "../../functions/oauth/use-cases/find-connection.ts";
import { dynamoDbNameIndex } from "../../functions/oauth/edges/name-index.ts";
import { memoryTable } from "../../fixtures/memory-table.ts";
import { startTable, type TestTable } from "../../fixtures/table.ts";
import { deployedDynamoDb } from "../../fixtures/deployed-dynamodb.ts";

/** A table by its port, and its items as they are stored. */
export type Tables = Pick<TestTable, "raw" | "put" | "due"> & { table: KeyTable; names: NameIndex };

/**
 * Runs a suite over the DynamoDB adapter, and over the table in memory that stands in for it in other tests. With
 * `npm run test:dynamodb-local` only the adapter, on Amazon's DynamoDB Local.
 */
export function describeTables(suite: (on: Tables) => void): void {
  const url = inject("dynamoDbLocalUrl") as string | undefined;

  describe("the DynamoDB adapter", () => {
    const on = {} as Tables & TestTable;
    beforeAll(async () => {
      const emulator = await startTable(url === undefined ? undefined : { url, close: async () => {} });
      const { name, config } = emulator;
      const client = deployedDynamoDb(config.endpoint, async () => dynamoDbClient(config));
      Object.assign(on, emulator, { table: dynamoDbTokenTable(name, client), names: dynamoDbNameIndex(name, client) });
    });
    afterAll(() => on.close());
    suite(on);
  });

  if (url !== undefined) return;
  describe("the table in memory", () => {
    const { port: table, ...stored } = memoryTable();
    suite({ ...stored, table });
  });
}
