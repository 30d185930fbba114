import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import type { DynamoDb } from "@smart-token-broker/auth-core/adapters/dynamodb.ts";
import { itemKey } from "@smart-token-broker/auth-core/adapters/item-codec.ts";
import { Secret } from "@smart-token-broker/auth-core/rules/secret.ts";
import type { HandleTable } from "../use-cases/issued-handles.ts";

/**
 * The refresh handles in the attribute `refreshHandles` of a connection's item. Each handle has its own write, without a
 * lease. No other part of the broker reads the attribute, and a write without a token set removes it (dynamodb.ts).
 */
export function dynamoDbHandles(TableName: string, dynamoDb: DynamoDb): HandleTable {
  return {
    async read(connection) {
      const input = { TableName, Key: itemKey(connection), ConsistentRead: true };
      const ProjectionExpression = "refreshHandles, username, registeredScope";
      const item = await dynamoDb.get({ ...input, ProjectionExpression });
      const names = { username: item?.["username"]?.S, scope: item?.["registeredScope"]?.S };
      return { handles: decode(item), names };
    },

    async add(connection, name, handle, gone) {
      const update = async (
        UpdateExpression: string,
        ConditionExpression: string,
        names: string[],
        value: AttributeValue,
      ) => {
        const output = await dynamoDb.update({
          TableName,
          Key: itemKey(connection),
          UpdateExpression,
          ConditionExpression,
          ...(names.length > 0 && {
            ExpressionAttributeNames: Object.fromEntries(names.map((each, at) => [`#name${at}`, each])),
          }),
          ExpressionAttributeValues: { ":value": value },
          ReturnValues: "ALL_NEW",
        });
        return output?.Attributes;
      };
      // Both writes fail if the token set was erased: handles must not come back.
      const isPresent = "attribute_exists(accessToken)";
      const withMap = "SET refreshHandles = if_not_exists(refreshHandles, :value)";
      if (!(await update(withMap, isPresent, [], { M: {} }))) return undefined;
      const removed = gone.map((_, at) => `refreshHandles.#name${at + 1}`).join(", ");
      const stored = await update(
        "SET refreshHandles.#name0 = if_not_exists(refreshHandles.#name0, :value)" + (removed && ` REMOVE ${removed}`),
        `${isPresent} AND attribute_exists(refreshHandles)`,
        [name, ...gone],
        { S: handle.reveal() },
      );
      return decode(stored).get(name);
    },
  };
}

function decode(item: Record<string, AttributeValue> | undefined): Map<string, Secret> {
  const handles = Object.entries(item?.["refreshHandles"]?.M ?? {});
  return new Map(handles.map(([name, { S: handle = "" }]) => [name, new Secret(handle)]));
}
