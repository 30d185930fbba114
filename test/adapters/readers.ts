import { expect } from "vitest";
import { dynamoDbClient } from "../../functions/auth-core/adapters/dynamodb-sdk.ts";
import type { DynamoDb } from "../../functions/auth-core/adapters/dynamodb.ts";
import { encodeItem } from "../../functions/auth-core/adapters/item-codec.ts";
import { deployedDynamoDb } from "../../fixtures/deployed-dynamodb.ts";
import { emulatorConfig } from "../../fixtures/aws.ts";
import { fullItem } from "../support/items.ts";
import { connectionId } from "../../fixtures/registration.ts";
import { type Attributes, startTable, type TestTable } from "../../fixtures/table.ts";

/** DynamoDB by the SDK alone. */
export const bySdk = (url: string): DynamoDb => dynamoDbClient(emulatorConfig(url));

/** Both readers of items. `extra`: requests of a read that fails, in addition to those of the SDK. */
export const readers: [name: string, at: (url: string) => DynamoDb, extra: number][] = [
  ["by the SDK", bySdk, 0],
  ["with lean reads", (url) => deployedDynamoDb(url), 1],
];

/** Stores an item with every type of attribute that has no bytes, and expects to read it, a part of it, and no other item. */
export async function expectStoredItems(table: TestTable, at: (url: string) => DynamoDb): Promise<void> {
  const connection = connectionId("webapicorso");
  const unknown = { L: [{ NULL: true }, { SS: ["à", "€", "\u{1f511}"] }, { M: { "a.b": { S: '"\\\n\u2028' } } }] };
  const stored: Attributes = { ...encodeItem(fullItem(connection)), unknown };
  await table.put(stored);
  const read = (id: string, more = {}) =>
    at(table.config.endpoint).get({
      TableName: table.name,
      Key: { connection: { S: id } },
      ConsistentRead: true,
      ...more,
    });
  const part = { ProjectionExpression: "#scope, failures", ExpressionAttributeNames: { "#scope": "scope" } };

  expect(await read(connection)).toEqual(stored);
  expect(await read(connection, part)).toEqual({ scope: stored["scope"], failures: { N: "3" } });
  expect(await read("nobody")).toBeUndefined();
}

/** Expects the same of both readers at another emulator, and that the lean one needs no SDK there. */
export async function expectBothReadersAt(url: string): Promise<void> {
  const table = await startTable({ url, close: async () => {} });

  for (const [, at] of readers) await expectStoredItems(table, at);
  await expectStoredItems(table, () => deployedDynamoDb(url, () => Promise.reject(new Error("loaded the SDK"))));

  expect(await table.raw("webapicorso")).toBeDefined();
  await table.close();
}
