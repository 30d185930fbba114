import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import type { ConnectionId } from "../rules/connection-id.ts";
import type { ConnectionItem, ItemWithoutTokens, StoredError } from "../rules/tokens/connection-item.ts";
import type { FailureCode } from "../rules/failure-catalogue.ts";
import type { RejectionReports } from "../rules/tokens/rejection-reports.ts";
import type { RetiringKey, RetiringKeys } from "../rules/keys/retiring-keys.ts";
import { Secret } from "../rules/secret.ts";
import type { TokenSet } from "../rules/tokens/token-set.ts";

/** The types of attributes. `instant` is epoch seconds, rounded to milliseconds. */
type AttributeType = "text" | "secret" | "instant" | "count" | "flag" | "error" | "reports" | "keys";

const tokenSetAttributes = {
  accessToken: "secret",
  accessTokenExpiresAt: "instant",
  obtainedAt: "instant",
  obtainedBy: "text",
  refreshToken: "secret",
  refreshTokenExpiresAt: "instant",
  scope: "text",
  username: "text",
  registeredScope: "text",
  apiBaseUrl: "text",
  keyFingerprint: "text",
  credentialFingerprint: "text",
  apiKeyId: "text",
  keyCreatedAt: "instant",
  singleActiveToken: "flag",
  apiRejectedAt: "instant",
  dueAt: "instant",
} as const satisfies Record<keyof TokenSet, AttributeType>;

const itemAttributes = {
  connection: "text",
  generation: "count",
  nextActionAt: "instant",
  leaseOwner: "text",
  leaseUntil: "instant",
  attemptedAt: "instant",
  failures: "count",
  retryAt: "instant",
  lastError: "error",
  operatorError: "text",
  rejectedFingerprint: "text",
  skipRefresh: "flag",
  rejectionReports: "reports",
  registrationCheckedAt: "instant",
  rotationCheckedAt: "instant",
  apiAcceptedAt: "instant",
  retiringKeys: "keys",
} as const satisfies Record<Exclude<keyof ConnectionItem, "tokenSet">, AttributeType>;

const attributeTypes: Record<string, AttributeType> = { ...tokenSetAttributes, ...itemAttributes };

/** Attributes that are also written without a lease, each in its own write. */
const writtenWithoutLease = new Set([
  "connection",
  "registrationCheckedAt",
  "rotationCheckedAt",
  "apiAcceptedAt",
  "retiringKeys",
]);

/** The attributes that a replacement writes: all except the key and those written without a lease. */
export const replacementAttributes = Object.keys(attributeTypes).filter((name) => !writtenWithoutLease.has(name));

/** Encodes an item as flat attributes. Absent fields are absent attributes. */
export function encodeItem(item: ConnectionItem): Record<string, AttributeValue> {
  const { tokenSet, ...rest } = item;
  const encoded: Record<string, AttributeValue> = {};
  for (const [name, value] of Object.entries({ ...tokenSet, ...rest })) {
    const type = attributeTypes[name];
    if (type && value !== undefined) encoded[name] = encode(type, value);
  }
  return encoded;
}

/** Decodes an item. Ignores unknown attributes. */
export function decodeItem(attributes: Record<string, AttributeValue>): ConnectionItem {
  const fields: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(attributes)) {
    const type = attributeTypes[name];
    if (type) fields[name] = decode(type, value);
  }
  const pick = (names: object) =>
    Object.fromEntries(Object.keys(names).flatMap((name) => (name in fields ? [[name, fields[name]]] : [])));
  const item = { generation: 0, failures: 0, ...pick(itemAttributes) } as ConnectionItem;
  // A token set without a token or an end is ignored: after a manual edit, the broker replaces it instead of crashing.
  const tokenSet = pick(tokenSetAttributes) as unknown as TokenSet;
  return tokenSet.accessToken && tokenSet.accessTokenExpiresAt ? { ...item, tokenSet } : item;
}

/** All attributes except the tokens. */
export const attributesWithoutTokens = Object.keys(attributeTypes).filter((name) => attributeTypes[name] !== "secret");

/** Decodes an item that was read without its tokens. */
export function decodeItemWithoutTokens(attributes: Record<string, AttributeValue>): ItemWithoutTokens {
  const { accessToken: _, refreshToken: __, ...safe } = attributes;
  const { tokenSet: ___, ...item } = decodeItem(safe);
  const tokenSet = Object.fromEntries(
    Object.entries(tokenSetAttributes).flatMap(([name, type]) =>
      safe[name] === undefined ? [] : [[name, decode(type, safe[name])]],
    ),
  ) as unknown as NonNullable<ItemWithoutTokens["tokenSet"]>;
  return tokenSet.accessTokenExpiresAt ? { ...item, tokenSet } : item;
}

function encode(type: AttributeType, value: unknown): AttributeValue {
  switch (type) {
    case "text":
      return { S: value as string };
    case "secret":
      return { S: (value as Secret).reveal() };
    case "instant":
      return { N: String(Math.round((value as number) * 1000) / 1000) };
    case "count":
      return { N: String(value) };
    case "flag":
      return { BOOL: value as boolean };
    case "error": {
      const { code, detail, at } = value as StoredError;
      return { M: { code: { S: code }, detail: { S: detail }, at: encode("instant", at) } };
    }
    case "reports":
      return {
        M: Object.fromEntries(
          Object.entries(value as RejectionReports).map(([reporter, { count, at }]) => [
            reporter,
            { M: { count: encode("count", count), at: encode("instant", at) } },
          ]),
        ),
      };
    case "keys":
      return {
        M: Object.fromEntries(Object.entries(value as RetiringKeys).map(([name, key]) => [name, encodeKey(key)])),
      };
  }
}

function decode(type: AttributeType, value: AttributeValue): unknown {
  switch (type) {
    case "text":
      return value.S;
    case "secret":
      return new Secret(value.S ?? "");
    case "instant":
    case "count":
      return Number(value.N);
    case "flag":
      return value.BOOL;
    case "error": {
      const { code, detail, at } = value.M ?? {};
      return { code: code?.S as FailureCode, detail: detail?.S ?? "", at: Number(at?.N) } satisfies StoredError;
    }
    case "reports":
      return Object.fromEntries(
        Object.entries(value.M ?? {}).map(([reporter, { M: { count, at } = {} }]) => [
          reporter,
          { count: Number(count?.N ?? 1), at: Number(at?.N ?? 0) },
        ]),
      ) satisfies RejectionReports;
    case "keys":
      return Object.fromEntries(Object.entries(value.M ?? {}).map(([name, key]) => [name, decodeKey(key)]));
  }
}

const keyInstants = ["since", "end", "checkAgainAt", "announcedAt", "notifiedAt"] as const;

const keyTexts = ["id", "testedVersion", "basedOn"] as const;

/** The fields of a retiring key. */
export const keyFields = [...keyInstants, ...keyTexts] as const satisfies (keyof RetiringKey)[];

/** Encodes a retiring key. */
export function encodeKey(key: RetiringKey): AttributeValue {
  const fields: Record<string, AttributeValue> = {};
  for (const name of keyTexts) if (key[name] !== undefined) fields[name] = { S: key[name] };
  for (const name of keyInstants) if (key[name] !== undefined) fields[name] = encode("instant", key[name]);
  return { M: fields };
}

function decodeKey({ M: fields = {} }: AttributeValue): RetiringKey {
  const key: RetiringKey = { since: Number(fields["since"]?.N ?? 0) };
  for (const name of keyInstants) if (fields[name]?.N !== undefined) key[name] = Number(fields[name].N);
  for (const name of keyTexts) if (fields[name]?.S !== undefined) key[name] = fields[name].S;
  return key;
}

/** The first character of the primary key of an item that belongs to no connection: no connection id starts with it. */
export const reservedPrefix = "#";

/** The primary key of a connection's item. */
export function itemKey(connection: ConnectionId): Record<string, AttributeValue> {
  return { connection: { S: connection } };
}
