import type { AttributeValue, ScanCommandInput } from "@aws-sdk/client-dynamodb";
import type { DynamoDb } from "@smart-token-broker/auth-core/adapters/dynamodb.ts";
import {
  attributesWithoutTokens,
  decodeItemWithoutTokens,
  itemKey,
  reservedPrefix,
} from "@smart-token-broker/auth-core/adapters/item-codec.ts";
import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import type { ItemWithoutTokens } from "@smart-token-broker/auth-core/rules/tokens/connection-item.ts";

/** The part of the table that a status needs. Throws `UnavailableError` if the table does not answer. */
export interface StatusTable {
  read(connection: ConnectionId): Promise<ItemWithoutTokens | undefined>;
  /** A page of connections in the table's own order, after the last one of the previous page. */
  list(limit: number, after?: ConnectionId): Promise<{ items: ItemWithoutTokens[]; last?: ConnectionId }>;
}

/**
 * Reads items without their tokens, so that no response can show one. Reads are eventually consistent: a status may be a
 * second old.
 */
export function dynamoDbStatusTable(tableName: string, dynamoDb: DynamoDb): StatusTable {
  // Placeholders, because some names are reserved words.
  const projection = {
    TableName: tableName,
    ProjectionExpression: attributesWithoutTokens.map((name) => `#${name}`).join(", "),
    ExpressionAttributeNames: Object.fromEntries(attributesWithoutTokens.map((name) => [`#${name}`, name])),
  };
  return {
    async read(connection) {
      const item = await dynamoDb.get({ ...projection, Key: itemKey(connection) });
      return item && decodeItemWithoutTokens(item);
    },

    async list(limit, after) {
      const items: ItemWithoutTokens[] = [];
      let from: Record<string, AttributeValue> | undefined = after && itemKey(after);
      do {
        // DynamoDB ends a page at 1 MB or the limit, with what the filter drops, so one of our pages may need several.
        const input: ScanCommandInput = {
          ...projection,
          // The function's role allows no other value.
          Select: "SPECIFIC_ATTRIBUTES",
          FilterExpression: "NOT begins_with(#connection, :reserved)",
          ExpressionAttributeValues: { ":reserved": { S: reservedPrefix } },
          Limit: limit - items.length,
          ExclusiveStartKey: from,
        };
        const { Items = [], LastEvaluatedKey } = await dynamoDb.scan(input);
        items.push(...Items.map(decodeItemWithoutTokens));
        from = LastEvaluatedKey;
      } while (from && items.length < limit);
      const last = from && (from["connection"]?.S as ConnectionId);
      return { items, ...(last && { last }) };
    },
  };
}
