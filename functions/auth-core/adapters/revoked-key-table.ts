import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import type { DynamoDb } from "./dynamodb.ts";
import { reservedPrefix } from "./item-codec.ts";
import type { RevokedKey, RevokedKeyTable } from "../use-cases/revoked-keys.ts";

/** The key of the item of all revoked caller keys. */
const Key = { connection: { S: `${reservedPrefix}revoked-caller-keys` } };

/** The revoked caller keys, as an operator changes them. */
export interface WritableRevokedKeyTable extends RevokedKeyTable {
  /** Revokes keys and forgets those in `drop`. A key that is revoked already keeps its first revocation. */
  add(keySha256: string[], revoked: RevokedKey, drop?: string[]): Promise<void>;
}

/** One item in the table of connections: a map from the hash of a key to its revocation. It has no other attributes. */
export function dynamoDbRevokedKeys(TableName: string, dynamoDb: DynamoDb): WritableRevokedKeyTable {
  return {
    async read() {
      const item = await dynamoDb.get({ TableName, Key, ConsistentRead: true });
      return new Map(Object.entries(item?.["revokedKeys"]?.M ?? {}).map(([hash, revoked]) => [hash, decode(revoked)]));
    },

    async add(keySha256, { name, at }, drop = []) {
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
      const paths = [...keySha256, ...drop].map((_, index) => `revokedKeys.#key${index}`);
      const set = paths.slice(0, keySha256.length).map((path) => `${path} = if_not_exists(${path}, :value)`);
      const remove = paths.slice(keySha256.length);
      await update(
        `SET ${set.join(", ")}${remove.length > 0 ? ` REMOVE ${remove.join(", ")}` : ""}`,
        { M: { name: { S: name }, at: { N: String(at) } } },
        Object.fromEntries([...keySha256, ...drop].map((hash, index) => [`#key${index}`, hash])),
      );
    },
  };
}

function decode({ M: fields = {} }: AttributeValue): RevokedKey {
  return { name: fields["name"]?.S ?? "", at: Number(fields["at"]?.N ?? 0) };
}
