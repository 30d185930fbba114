import { afterAll, beforeAll, describe } from "vitest";
import { dynamoDbClient } from "../../functions/auth-core/adapters/dynamodb-sdk.ts";
import { dynamoDbTokenTable } from "../../functions/auth-core/adapters/dynamodb.ts";
import type { KeyTable } from "../../functions/auth-core/use-cases/ports.ts";
import type { NameIndex } from "../../functions/oauth/find-connection.ts";
import { dynamoDbNameIndex } from "../../functions/oauth/name-index.ts";
import { memoryTable } from "../support/memory-table.ts";
import { startTable, type TestTable } from "../support/table.ts";
import { deployedDynamoDb } from "./readers.ts";

/** A table by its port, and its items as they are stored. */
export type Tables = Pick<TestTable, "raw" | "put" | "due"> & { table: KeyTable; names: NameIndex };

/** Runs a suite over the DynamoDB adapter, and over the table in memory that stands in for it in other tests. */
export function describeTables(suite: (on: Tables) => void): void {
  describe("the DynamoDB adapter", () => {
    const on = {} as Tables & TestTable;
    beforeAll(async () => {
      const emulator = await startTable();
      const { name, config } = emulator;
      const client = deployedDynamoDb(config.endpoint, async () => dynamoDbClient(config));
      Object.assign(on, emulator, { table: dynamoDbTokenTable(name, client), names: dynamoDbNameIndex(name, client) });
    });
    afterAll(() => on.close());
    suite(on);
  });

  describe("the table in memory", () => {
    const { port: table, ...stored } = memoryTable();
    suite({ ...stored, table });
  });
}
