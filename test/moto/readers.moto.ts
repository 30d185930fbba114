import { expect, inject, it } from "vitest";
import { deployedDynamoDb, expectStoredItems, readers } from "../adapters/readers.ts";
import { startTable } from "../support/table.ts";

it("An item in moto's DynamoDB is the same for both readers, and the lean one needs no SDK", async () => {
  const table = await startTable({ url: inject("motoUrl"), close: async () => {} });

  for (const [, at] of readers) await expectStoredItems(table, at);
  await expectStoredItems(table, (url) => deployedDynamoDb(url, () => Promise.reject(new Error("loaded the SDK"))));

  expect(await table.raw("webapicorso")).toBeDefined();
  await table.close();
});
