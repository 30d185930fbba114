import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import type { DynamoDb } from "./dynamodb.ts";
import { reservedPrefix } from "./item-codec.ts";
import type { RevokedKey, RevokedKeyTable } from "../use-cases/revoked-keys.ts";

/** The key of the item of all revoked caller keys, and of the entries and users whose calls an operator stopped. */
const Key = { connection: { S: `${reservedPrefix}revoked-caller-keys` } };

/** The same, as an operator changes them. */
export interface WritableRevokedKeyTable extends RevokedKeyTable {
  /** Adds records and forgets those in `drop`. One that is there already keeps its first revocation. */
  add(records: string[], revoked: RevokedKey, drop?: string[]): Promise<void>;
  /** Removes records, of which the table has at least one. */
  remove(records: string[]): Promise<void>;
}

/** One item in the table of connections: a map from a record to its revocation. It has no other attributes. */
export function dynamoDbRevokedKeys(TableName: string, dynamoDb: DynamoDb): RevokedKeyTable {
  return {
    async read() {
      const item = await dynamoDb.get({ TableName, Key, ConsistentRead: true });
      return new Map(Object.entries(item?.["revokedKeys"]?.M ?? {}).map(([hash, revoked]) => [hash, decode(revoked)]));
    },
  };
}

/** For operators. Apart, because no function writes it, and each would load this code. */
export function writableRevokedKeys(TableName: string, dynamoDb: DynamoDb): WritableRevokedKeyTable {
  return {
    ...dynamoDbRevokedKeys(TableName, dynamoDb),

    async add(records, { name, at }, drop = []) {
      const update = async (
        UpdateExpression: string,
        value: AttributeValue,
        ExpressionAttributeNames?: Record<string, string>,
      ) => {
        const input = { TableName, Key, UpdateExpression, ExpressionAttributeNames };
        const ExpressionAttributeValues = { ":value": value };
        await dynamoDb.update({ ...input, ExpressionAttributeValues });
      };
      await update("SET revokedKeys = if_not_exists(revokedKeys, :value)", { M: {} });
      const paths = [...records, ...drop].map((_, index) => `revokedKeys.#key${index}`);
      const set = paths.slice(0, records.length).map((path) => `${path} = if_not_exists(${path}, :value)`);
      const remove = paths.slice(records.length);
      await update(
        `SET ${set.join(", ")}${remove.length > 0 ? ` REMOVE ${remove.join(", ")}` : ""}`,
        { M: { name: { S: name }, at: { N: String(at) } } },
        Object.fromEntries([...records, ...drop].map((record, index) => [`#key${index}`, record])),
      );
    },

    async remove(records) {
      await dynamoDb.update({
        TableName,
        Key,
        UpdateExpression: `REMOVE ${records.map((_, index) => `revokedKeys.#key${index}`).join(", ")}`,
        ExpressionAttributeNames: Object.fromEntries(records.map((record, index) => [`#key${index}`, record])),
      });
    },
  };
}

function decode({ M: fields = {} }: AttributeValue): RevokedKey {
  return { name: fields["name"]?.S ?? "", at: Number(fields["at"]?.N ?? 0) };
}
