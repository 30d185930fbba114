import type {
  AttributeValue,
  GetItemCommandInput,
  QueryCommandInput,
  QueryCommandOutput,
  ScanCommandInput,
  ScanCommandOutput,
  UpdateItemCommandInput,
  UpdateItemCommandOutput,
} from "@aws-sdk/client-dynamodb";
import type { ConnectionId } from "../rules/connection-id.ts";
import type { ConnectionItem } from "../rules/tokens/connection-item.ts";
import { partitionOf } from "../rules/tokens/partition.ts";
import { retirementDueAt } from "../rules/keys/retiring-keys.ts";
import type { DueConnection, KeyUsage, KeyChanges, KeyTable } from "../use-cases/ports.ts";
import { decodeItem, encodeItem, encodeKey, itemKey, keyFields, replacementAttributes } from "./item-codec.ts";

/** The operations of DynamoDB. Each throws `UnavailableError` if DynamoDB denies a call or does not answer it. */
export interface DynamoDb {
  /** Reads an item; `undefined` if there is none. The signal limits the time of all attempts together. */
  get(input: GetItemCommandInput, signal?: AbortSignal): Promise<Record<string, AttributeValue> | undefined>;
  /** Returns `undefined` if the condition is not met. */
  update(input: UpdateItemCommandInput): Promise<UpdateItemCommandOutput | undefined>;
  query(input: QueryCommandInput): Promise<QueryCommandOutput>;
  scan(input: ScanCommandInput): Promise<ScanCommandOutput>;
}

/**
 * The table of connections in DynamoDB: one item per connection, conditional writes, no transactions, no TTL.
 *
 * Throws `UnavailableError` if DynamoDB denies a call or does not answer it.
 */
export function dynamoDbTokenTable(tableName: string, dynamoDb: DynamoDb): KeyTable {
  const update = (input: Omit<UpdateItemCommandInput, "TableName">) =>
    dynamoDb.update({ TableName: tableName, ...input });

  /** Sets an instant of an existing item, unless it was already set after `notSince`. */
  async function claim(attribute: string, connection: ConnectionId, now: number, notSince: number): Promise<boolean> {
    const output = await update({
      Key: itemKey(connection),
      UpdateExpression: "SET #claimed = :now",
      ConditionExpression:
        "attribute_exists(#connection) AND (attribute_not_exists(#claimed) OR #claimed <= :notSince)",
      ExpressionAttributeNames: { "#connection": "connection", "#claimed": attribute },
      ExpressionAttributeValues: { ":now": instant(now), ":notSince": instant(notSince) },
    });
    return output !== undefined;
  }

  return {
    async read(connection, consistency) {
      const input = { TableName: tableName, Key: itemKey(connection), ConsistentRead: consistency === "strong" };
      const item = await dynamoDb.get(input);
      return item && decodeItem(item);
    },

    async takeLease(connection, { expected, owner, now, until, isDue = false }) {
      const attemptedAt = expected?.attemptedAt;
      const isSameAttempt =
        attemptedAt === undefined ? "attribute_not_exists(attemptedAt)" : "attemptedAt = :attemptedAt";
      const isFree = `${isSameAttempt} AND (attribute_not_exists(leaseUntil) OR leaseUntil <= :now)`;
      const output = await update({
        Key: itemKey(connection),
        // The owner may take its own lease again: the SDK repeats a write whose response was lost.
        ConditionExpression: expected
          ? `generation = :generation AND failures = :failures AND (leaseOwner = :owner OR ${isFree})`
          : "attribute_not_exists(#connection) OR leaseOwner = :owner",
        UpdateExpression:
          "SET leaseOwner = :owner, leaseUntil = :until, attemptedAt = :now, generation = :generation, " +
          "failures = :failures, #partition = :partition, " +
          `nextActionAt = ${isDue ? ":now" : "if_not_exists(nextActionAt, :now)"}, ` +
          "retiringKeys = if_not_exists(retiringKeys, :none)",
        // Both are reserved words of DynamoDB.
        ExpressionAttributeNames: { "#partition": "partition", ...(!expected && { "#connection": "connection" }) },
        ExpressionAttributeValues: {
          ":owner": { S: owner },
          ":now": instant(now),
          ":until": instant(until),
          ":generation": { N: String(expected?.generation ?? 0) },
          ":failures": { N: String(expected?.failures ?? 0) },
          ":partition": { N: String(partitionOf(connection)) },
          ":none": { M: {} },
          ...(attemptedAt !== undefined && { ":attemptedAt": instant(attemptedAt) }),
        },
        ReturnValues: "ALL_NEW",
      });
      return output?.Attributes && decodeItem(output.Attributes);
    },

    async write(next, fence, keys = {}) {
      const changes = setAndRemove(next, keys);
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
        const page = await dynamoDb.query({
          TableName: tableName,
          IndexName: "due",
          KeyConditionExpression: "#partition = :partition AND nextActionAt <= :now",
          ExpressionAttributeNames: { "#partition": "partition" },
          ExpressionAttributeValues: { ":partition": { N: String(partition) }, ":now": instant(now) },
          ExclusiveStartKey: from,
        });
        for (const attributes of page.Items ?? []) {
          const { connection, failures, nextActionAt } = decodeItem(attributes);
          due.push({ connection, failures, nextActionAt: nextActionAt ?? now });
        }
        from = page.LastEvaluatedKey;
      } while (from);
      return due;
    },

    async noteKey(connection, fingerprint, key, owner) {
      if (owner === undefined) {
        await update({
          Key: itemKey(connection),
          UpdateExpression:
            "SET retiringKeys = if_not_exists(retiringKeys, :none), generation = if_not_exists(generation, :zero), " +
            "failures = if_not_exists(failures, :zero), #partition = :partition",
          ExpressionAttributeNames: { "#partition": "partition" },
          ExpressionAttributeValues: {
            ":none": { M: {} },
            ":zero": { N: "0" },
            ":partition": { N: String(partitionOf(connection)) },
          },
        });
      }
      const output = await update({
        Key: itemKey(connection),
        UpdateExpression: "SET retiringKeys.#key = :key",
        ...(owner !== undefined && { ConditionExpression: "leaseOwner = :owner" }),
        ExpressionAttributeNames: { "#key": fingerprint },
        ExpressionAttributeValues: { ":key": encodeKey(key), ...(owner !== undefined && { ":owner": { S: owner } }) },
      });
      const dueAt = retirementDueAt(key);
      if (output && dueAt !== undefined) {
        await update({
          Key: itemKey(connection),
          UpdateExpression: "SET nextActionAt = :dueAt",
          ConditionExpression: "attribute_not_exists(nextActionAt) OR nextActionAt > :dueAt",
          ExpressionAttributeValues: { ":dueAt": instant(dueAt) },
        });
      }
      return output !== undefined;
    },

    async changeKey(connection, fingerprint, expected, next) {
      const output = await update({
        Key: itemKey(connection),
        UpdateExpression: next ? "SET retiringKeys.#key = :next" : "REMOVE retiringKeys.#key",
        // Field by field: not every emulator of DynamoDB compares the content of maps.
        ConditionExpression: keyFields
          .map((name) =>
            expected[name] === undefined
              ? `attribute_not_exists(retiringKeys.#key.#${name})`
              : `retiringKeys.#key.#${name} = :${name}`,
          )
          .join(" AND "),
        ExpressionAttributeNames: {
          "#key": fingerprint,
          ...Object.fromEntries(keyFields.map((name) => [`#${name}`, name])),
        },
        ExpressionAttributeValues: {
          ...Object.fromEntries(
            Object.entries(encodeKey(expected).M ?? {}).map(([name, value]) => [`:${name}`, value]),
          ),
          ...(next && { ":next": encodeKey(next) }),
        },
      });
      return output !== undefined;
    },

    async findByKey(fingerprint) {
      const usages: KeyUsage[] = [];
      let from: Record<string, AttributeValue> | undefined;
      do {
        const page: ScanCommandOutput = await dynamoDb.scan({
          TableName: tableName,
          ConsistentRead: true,
          FilterExpression: "keyFingerprint = :key OR attribute_exists(retiringKeys.#key)",
          ProjectionExpression: "#connection, keyFingerprint, retiringKeys",
          ExpressionAttributeNames: { "#key": fingerprint, "#connection": "connection" },
          ExpressionAttributeValues: { ":key": { S: fingerprint } },
          ExclusiveStartKey: from,
        });
        for (const attributes of page.Items ?? []) {
          const { connection, retiringKeys } = decodeItem(attributes);
          const entry = retiringKeys?.[fingerprint];
          const isOwn = attributes["keyFingerprint"]?.S === fingerprint;
          usages.push({ connection, isOwn, ...(entry && { entry }) });
        }
        from = page.LastEvaluatedKey;
      } while (from);
      return usages;
    },

    async reschedule(connection, expected, next) {
      const output = await update({
        Key: itemKey(connection),
        UpdateExpression: next === undefined ? "REMOVE nextActionAt" : "SET nextActionAt = :next",
        ConditionExpression: expected === undefined ? "attribute_not_exists(nextActionAt)" : "nextActionAt = :expected",
        ...((expected !== undefined || next !== undefined) && {
          ExpressionAttributeValues: {
            ...(expected !== undefined && { ":expected": instant(expected) }),
            ...(next !== undefined && { ":next": instant(next) }),
          },
        }),
      });
      return output !== undefined;
    },

    async makeDue(connection, now, dueAt = now) {
      const output = await update({
        Key: itemKey(connection),
        // Without its lease, a replacement that is late stores no token from before this instant.
        UpdateExpression: "SET dueAt = :dueAt, nextActionAt = :dueAt REMOVE retryAt, leaseOwner, leaseUntil",
        // A running replacement may have read the old registration, and sets nextActionAt itself.
        ConditionExpression:
          "attribute_exists(attemptedAt) AND (attribute_not_exists(leaseUntil) OR leaseUntil <= :now)",
        ExpressionAttributeValues: { ":now": instant(now), ":dueAt": instant(dueAt) },
      });
      return output !== undefined;
    },

    noteApiAcceptance: async (connection, now) => void (await claim("apiAcceptedAt", connection, now, now)),
    claimRotationCheck: (connection, now, notSince) => claim("rotationCheckedAt", connection, now, notSince),
    claimRegistrationCheck: (connection, now, notSince) => claim("registrationCheckedAt", connection, now, notSince),
  };
}

/**
 * Sets the attributes of a replacement that `next` has, and removes those that it does not have, including the lease.
 * Without a token set it also removes the refresh handles of callers (functions/oauth): they end with the registration.
 */
function setAndRemove(next: ConnectionItem, keys: KeyChanges) {
  const { leaseOwner: _, leaseUntil: __, ...unleased } = next;
  const encoded = encodeItem(unleased);
  const names = [...replacementAttributes, ...(next.tokenSet ? [] : ["refreshHandles"])];
  const paths = new Map(names.map((name) => [name, `#${name}`]));
  for (const [fingerprint, key] of Object.entries(keys)) {
    // A fingerprint (16 hex digits) never equals the name of an attribute.
    names.push(fingerprint);
    paths.set(fingerprint, `#retiringKeys.#${fingerprint}`);
    if (key) encoded[fingerprint] = encodeKey(key);
  }
  const present = names.filter((name) => name in encoded);
  const absent = names.filter((name) => !(name in encoded));
  return {
    // Placeholders for all names: some (scope, …) may become reserved words.
    UpdateExpression:
      `SET ${present.map((name) => `${paths.get(name)} = :${name}`).join(", ")} ` +
      `REMOVE ${absent.map((name) => paths.get(name)).join(", ")}`,
    ExpressionAttributeNames: Object.fromEntries(
      [...names, ...(Object.keys(keys).length > 0 ? ["retiringKeys"] : [])].map((name) => [`#${name}`, name]),
    ),
    ExpressionAttributeValues: Object.fromEntries(present.map((name) => [`:${name}`, encoded[name] as AttributeValue])),
  };
}

function instant(seconds: number): AttributeValue {
  return { N: String(Math.round(seconds * 1000) / 1000) };
}
