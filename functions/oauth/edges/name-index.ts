import type { DynamoDb } from "@smart-token-broker/auth-core/adapters/dynamodb.ts";
import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import type { NameIndex } from "../use-cases/find-connection.ts";

/**
 * Queries the index `names` of the table: one page, which holds thousands of connections. The index is eventually
 * consistent, and has no connection without a token set.
 */
export function dynamoDbNameIndex(TableName: string, dynamoDb: DynamoDb): NameIndex {
  return {
    async find(scope, username) {
      const isNamed = username !== undefined;
      const { Items = [] } = await dynamoDb.query({
        TableName,
        IndexName: "names",
        KeyConditionExpression: `#scope = :scope${isNamed ? " AND #username = :username" : ""}`,
        ExpressionAttributeNames: { "#scope": "registeredScope", ...(isNamed && { "#username": "username" }) },
        ExpressionAttributeValues: { ":scope": { S: scope }, ...(isNamed && { ":username": { S: username } }) },
      });
      return Items.map(({ connection }) => connection?.S as ConnectionId);
    },
  };
}
