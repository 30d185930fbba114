import { type DynamoDBClientConfig, QueryCommand } from "@aws-sdk/client-dynamodb";
import { asUnavailable, dynamoDbClient } from "@smart-token-broker/auth-core/adapters/dynamodb.ts";
import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";

/** The stored token sets by the vendor's names. Throws `UnavailableError` if the table does not answer. */
export interface NameIndex {
  /** The connections whose token set was issued for a registered scope and, if given, a username. */
  find(scope: string, username?: string): Promise<ConnectionId[]>;
}

/**
 * Queries the index `names` of the table: one page, which holds thousands of connections. The index is eventually
 * consistent, and has no connection without a token set.
 */
export function dynamoDbNameIndex(tableName: string, config: DynamoDBClientConfig = {}): NameIndex {
  const client = dynamoDbClient(config);
  return {
    async find(scope, username) {
      const isNamed = username !== undefined;
      const { Items = [] } = await asUnavailable(
        client.send(
          new QueryCommand({
            TableName: tableName,
            IndexName: "names",
            KeyConditionExpression: `#scope = :scope${isNamed ? " AND #username = :username" : ""}`,
            ExpressionAttributeNames: { "#scope": "registeredScope", ...(isNamed && { "#username": "username" }) },
            ExpressionAttributeValues: { ":scope": { S: scope }, ...(isNamed && { ":username": { S: username } }) },
          }),
        ),
      );
      return Items.map(({ connection }) => connection?.S as ConnectionId);
    },
  };
}
