import {
  type AttributeValue,
  ConditionalCheckFailedException,
  DynamoDBClient,
  type DynamoDBClientConfig,
  GetItemCommand,
  QueryCommand,
  UpdateItemCommand,
  type UpdateItemCommandInput,
} from "@aws-sdk/client-dynamodb";
import type { ConnectionItem } from "../rules/connection-item.ts";
import { UnavailableError } from "../rules/failure.ts";
import { partitionOf } from "../rules/fingerprint.ts";
import type { DueConnection, TokenTable } from "../use-cases/ports.ts";
import { decodeItem, encodeItem, itemKey, replacementAttributes } from "./item-codec.ts";

/**
 * The table of connections in DynamoDB: one item per connection, conditional writes, no transactions, no TTL.
 *
 * Every call has 1 s and three attempts. What DynamoDB refuses or leaves unanswered becomes an `UnavailableError`.
 */
export function dynamoDbTokenTable(tableName: string, config: DynamoDBClientConfig = {}): TokenTable {
  const client = new DynamoDBClient({
    maxAttempts: 3,
    requestHandler: { connectionTimeout: 1000, requestTimeout: 1000, throwOnRequestTimeout: true },
    ...config,
  });

  async function update(input: Omit<UpdateItemCommandInput, "TableName">) {
    try {
      return await asUnavailable(client.send(new UpdateItemCommand({ TableName: tableName, ...input })));
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return undefined;
      throw error;
    }
  }

  return {
    async read(connection, consistency) {
      const input = { TableName: tableName, Key: itemKey(connection), ConsistentRead: consistency === "strong" };
      const { Item } = await asUnavailable(client.send(new GetItemCommand(input)));
      return Item && decodeItem(Item);
    },

    async takeLease(connection, { seen, owner, now, until }) {
      const isFree = "attribute_not_exists(leaseUntil) OR leaseUntil <= :now OR leaseOwner = :owner";
      const output = await update({
        Key: itemKey(connection),
        // The owner's own lease is free to it: the SDK may repeat a write whose answer was lost.
        ConditionExpression: seen
          ? `generation = :generation AND failures = :failures AND (${isFree})`
          : "attribute_not_exists(#connection) OR leaseOwner = :owner",
        UpdateExpression:
          "SET leaseOwner = :owner, leaseUntil = :until, attemptedAt = :now, generation = :generation, " +
          "failures = :failures, #partition = :partition, nextActionAt = if_not_exists(nextActionAt, :now)",
        // Both are reserved words of DynamoDB's.
        ExpressionAttributeNames: { "#partition": "partition", ...(!seen && { "#connection": "connection" }) },
        ExpressionAttributeValues: {
          ":owner": { S: owner },
          ":now": instant(now),
          ":until": instant(until),
          ":generation": { N: String(seen?.generation ?? 0) },
          ":failures": { N: String(seen?.failures ?? 0) },
          ":partition": { N: String(partitionOf(connection)) },
        },
        ReturnValues: "ALL_NEW",
      });
      return output?.Attributes && decodeItem(output.Attributes);
    },

    async write(next, fence) {
      const changes = setAndRemove(next);
      const output = await update({
        Key: itemKey(next.connection),
        ...changes,
        ConditionExpression: "#leaseOwner = :fenceOwner AND #generation = :fenceGeneration",
        ExpressionAttributeValues: {
          ...changes.ExpressionAttributeValues,
          ":fenceOwner": { S: fence.owner },
          ":fenceGeneration": { N: String(fence.generation) },
        },
      });
      return output !== undefined;
    },

    async release(connection, owner) {
      await update({
        Key: itemKey(connection),
        UpdateExpression: "REMOVE leaseOwner, leaseUntil",
        ConditionExpression: "leaseOwner = :owner",
        ExpressionAttributeValues: { ":owner": { S: owner } },
      });
    },

    async due(partition, now) {
      const due: DueConnection[] = [];
      let from: Record<string, AttributeValue> | undefined;
      do {
        const page = await asUnavailable(
          client.send(
            new QueryCommand({
              TableName: tableName,
              IndexName: "due",
              KeyConditionExpression: "#partition = :partition AND nextActionAt <= :now",
              ExpressionAttributeNames: { "#partition": "partition" },
              ExpressionAttributeValues: { ":partition": { N: String(partition) }, ":now": instant(now) },
              ExclusiveStartKey: from,
            }),
          ),
        );
        for (const attributes of page.Items ?? []) {
          const { connection, failures, nextActionAt } = decodeItem(attributes);
          due.push({ connection, failures, nextActionAt: nextActionAt ?? now });
        }
        from = page.LastEvaluatedKey;
      } while (from);
      return due;
    },

    async claimLook(connection, now, notSince) {
      const output = await update({
        Key: itemKey(connection),
        UpdateExpression: "SET lookedAt = :now",
        ConditionExpression:
          "attribute_exists(#connection) AND (attribute_not_exists(lookedAt) OR lookedAt <= :notSince)",
        ExpressionAttributeNames: { "#connection": "connection" },
        ExpressionAttributeValues: { ":now": instant(now), ":notSince": instant(notSince) },
      });
      return output !== undefined;
    },
  };
}

/** Sets what `next` has of a replacement's attributes, and removes what it does not have, the lease among it. */
function setAndRemove(next: ConnectionItem) {
  const { leaseOwner: _, leaseUntil: __, ...unleased } = next;
  const encoded = encodeItem(unleased);
  const names = replacementAttributes;
  const present = names.filter((name) => name in encoded);
  const absent = names.filter((name) => !(name in encoded));
  return {
    // Placeholders for every name: some of them (scope, …) may become reserved words.
    UpdateExpression:
      `SET ${present.map((name) => `#${name} = :${name}`).join(", ")} ` +
      `REMOVE ${absent.map((name) => `#${name}`).join(", ")}`,
    ExpressionAttributeNames: Object.fromEntries(names.map((name) => [`#${name}`, name])),
    ExpressionAttributeValues: Object.fromEntries(present.map((name) => [`:${name}`, encoded[name] as AttributeValue])),
  };
}

function instant(seconds: number): AttributeValue {
  return { N: String(Math.round(seconds * 1000) / 1000) };
}

/** A fault of the table becomes an `UnavailableError`; a request that is wrong in itself stays a bug of ours. */
async function asUnavailable<Output>(sent: Promise<Output>): Promise<Output> {
  try {
    return await sent;
  } catch (error) {
    if (!(error instanceof Error) || ours.has(error.name)) throw error;
    // A parser's own message quotes the text, which holds tokens.
    const said = error instanceof SyntaxError ? "" : `: ${error.message}`;
    throw new UnavailableError(`DynamoDB: ${error.name}${said}`);
  }
}

const ours = new Set(["ConditionalCheckFailedException", "ValidationException", "SerializationException", "TypeError"]);
