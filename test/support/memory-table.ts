import { isDeepStrictEqual } from "node:util";
import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import {
  decodeItem,
  encodeItem,
  encodeKey,
  keyFields,
  replacementAttributes,
} from "../../functions/auth-core/adapters/item-codec.ts";
import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import type { ConnectionItem } from "../../functions/auth-core/rules/tokens/connection-item.ts";
import { partitionOf } from "../../functions/auth-core/rules/tokens/partition.ts";
import { type RetiringKeys, retirementDueAt } from "../../functions/auth-core/rules/keys/retiring-keys.ts";
import type { NameIndex } from "../../functions/oauth/use-cases/find-connection.ts";
import type { KeyTable } from "../../functions/auth-core/use-cases/ports.ts";
import type { Attributes } from "./table.ts";

/**
 * The port of the DynamoDB adapter over a map. One suite holds both to the same rules: `test/adapters`.
 *
 * @param onChange gets each item that changed
 */
export function memoryTable(onChange: (after: ConnectionItem) => void = () => {}) {
  const items = new Map<string, Attributes>();

  /** Changes an item, or creates it, if the condition allows it. The item after the change, else `undefined`. */
  async function update(
    connection: ConnectionId,
    isAllowed: (stored: Attributes) => boolean,
    change: (stored: Attributes) => void,
  ): Promise<ConnectionItem | undefined> {
    // A change replaces whole attributes, so a shallow copy leaves the attributes before it as they were.
    const stored = { ...items.get(connection) };
    if (!isAllowed(stored)) return undefined;
    change(stored);
    items.set(connection, stored);
    const item = decodeItem(stored);
    onChange(item);
    return item;
  }

  /** DynamoDB compares instants to the millisecond. */
  const isBy = (stored: AttributeValue | undefined, instant: number) =>
    Number(stored?.N ?? 0) <= Math.round(instant * 1000) / 1000;
  const exists = (stored: Attributes) => "connection" in stored;
  const isOf = (stored: Attributes, owner: string) => stored["leaseOwner"]?.S === owner;
  const isAt = (stored: Attributes, count: string, value: number) => stored[count]?.N === String(value);
  const partitionAttribute = (connection: ConnectionId) => ({ partition: { N: String(partitionOf(connection)) } });
  /** The attributes of these fields, instants to the millisecond as DynamoDB has them. */
  const encode = (fields: Partial<ConnectionItem>) => encodeItem(fields as ConnectionItem);
  const setKey = (stored: Attributes, fingerprint: string, key: RetiringKeys[string] | undefined) => {
    const { [fingerprint]: _, ...others } = stored["retiringKeys"]?.M ?? {};
    stored["retiringKeys"] = { M: key ? { ...others, [fingerprint]: encodeKey(key) } : others };
  };

  const claim = async (attribute: keyof ConnectionItem, connection: ConnectionId, now: number, notSince: number) => {
    const claimed = await update(
      connection,
      (stored) => exists(stored) && isBy(stored[attribute], notSince),
      (stored) => Object.assign(stored, encode({ [attribute]: now })),
    );
    return claimed !== undefined;
  };

  const port: KeyTable = {
    async read(connection) {
      const stored = items.get(connection);
      return stored && decodeItem(stored);
    },
    takeLease: (connection, { expected, owner, now, until, isDue = false }) =>
      update(
        connection,
        (stored) => {
          if (!expected) return !exists(stored) || isOf(stored, owner);
          const { generation, failures, attemptedAt } = expected;
          const attempted = encode(attemptedAt === undefined ? {} : { attemptedAt });
          const isFree =
            isBy(stored["leaseUntil"], now) && isDeepStrictEqual(stored["attemptedAt"], attempted["attemptedAt"]);
          return (
            (isOf(stored, owner) || isFree) &&
            isAt(stored, "generation", generation) &&
            isAt(stored, "failures", failures)
          );
        },
        (stored) => {
          const { generation = 0, failures = 0 } = expected ?? {};
          const first = { connection, nextActionAt: now, retiringKeys: {} };
          const taken = { leaseOwner: owner, leaseUntil: until, attemptedAt: now, generation, failures };
          Object.assign(stored, { ...encode(first), ...stored, ...encode(taken), ...partitionAttribute(connection) });
          if (isDue) Object.assign(stored, encode({ nextActionAt: now }));
        },
      ),
    async write(next, fence, keys = {}) {
      const { leaseOwner: _, leaseUntil: __, ...unleased } = next;
      const written = await update(
        next.connection,
        (stored) => isOf(stored, fence.owner) && isAt(stored, "generation", fence.generation),
        (stored) => {
          const encoded = encodeItem(unleased);
          for (const name of replacementAttributes) {
            if (encoded[name]) stored[name] = encoded[name];
            else delete stored[name];
          }
          if (!next.tokenSet) delete stored["refreshHandles"];
          for (const [fingerprint, key] of Object.entries(keys)) setKey(stored, fingerprint, key);
        },
      );
      return written !== undefined;
    },
    async release(connection, owner) {
      const end = (stored: Attributes) => void (delete stored["leaseOwner"], delete stored["leaseUntil"]);
      await update(connection, (stored) => isOf(stored, owner), end);
    },
    async due(of, now) {
      return entries(of)
        .filter((stored) => isBy(stored["nextActionAt"], now))
        .map((stored) => ({ nextActionAt: now, ...decodeItem(stored) }))
        .map(({ connection, failures, nextActionAt }) => ({ connection, failures, nextActionAt }));
    },
    async noteKey(connection, fingerprint, key, owner) {
      const noted = await update(
        connection,
        (stored) => owner === undefined || isOf(stored, owner),
        (stored) => {
          const made = { connection, generation: 0, failures: 0 };
          Object.assign(stored, {
            ...encode(made),
            ...stored,
            ...(owner === undefined && partitionAttribute(connection)),
          });
          setKey(stored, fingerprint, key);
          const dueAt = retirementDueAt(key);
          const isLater = Number(stored["nextActionAt"]?.N ?? Number.POSITIVE_INFINITY) > (dueAt ?? 0);
          if (dueAt !== undefined && isLater) Object.assign(stored, encode({ nextActionAt: dueAt }));
        },
      );
      return noted !== undefined;
    },
    claimRegistrationCheck: (...args) => claim("registrationCheckedAt", ...args),
    claimRotationCheck: (...args) => claim("rotationCheckedAt", ...args),
    async changeKey(connection, fingerprint, expected, next) {
      const { M: wanted = {} } = encodeKey(expected);
      const changed = await update(
        connection,
        (stored) => {
          const { M: fields } = stored["retiringKeys"]?.M?.[fingerprint] ?? {};
          const isSame = (name: string) => isDeepStrictEqual(fields?.[name], wanted[name]);
          return fields !== undefined && keyFields.every(isSame);
        },
        (stored) => setKey(stored, fingerprint, next),
      );
      return changed !== undefined;
    },
    async findByKey(fingerprint) {
      const found = [...items.values()].map((stored) => {
        const { connection, retiringKeys } = decodeItem(stored);
        const entry = retiringKeys?.[fingerprint];
        return { connection, isOwn: stored["keyFingerprint"]?.S === fingerprint, ...(entry && { entry }) };
      });
      return found.filter(({ isOwn, entry }) => isOwn || entry);
    },
    async reschedule(connection, expected, next) {
      const { nextActionAt: wanted } = encode(expected === undefined ? {} : { nextActionAt: expected });
      const moved = await update(
        connection,
        (stored) => isDeepStrictEqual(stored["nextActionAt"], wanted),
        (stored) => {
          delete stored["nextActionAt"];
          Object.assign(stored, encode({ connection, ...(next !== undefined && { nextActionAt: next }) }));
        },
      );
      return moved !== undefined;
    },
    async makeDue(connection, now, dueAt = now) {
      const made = await update(
        connection,
        (stored) => "attemptedAt" in stored && isBy(stored["leaseUntil"], now),
        (stored) => {
          const { nextActionAt } = encode({ nextActionAt: dueAt });
          for (const ended of ["retryAt", "leaseOwner", "leaseUntil"]) delete stored[ended];
          Object.assign(stored, { dueAt: nextActionAt, nextActionAt });
        },
      );
      return made !== undefined;
    },
  };

  function entries(of: number): Attributes[] {
    const indexed = [...items.values()].filter((stored) => isAt(stored, "partition", of) && stored["nextActionAt"]);
    return indexed.toSorted((one, other) => Number(one["nextActionAt"]?.N) - Number(other["nextActionAt"]?.N));
  }

  /** The port of the index `names`: an item without a token set has none of its attributes. */
  const names: NameIndex = {
    async find(scope, username) {
      const named = [...items.values()]
        .filter((stored) => stored["registeredScope"]?.S === scope && stored["username"])
        .filter((stored) => username === undefined || stored["username"]?.S === username);
      return named.map((stored) => decodeItem(stored).connection);
    },
  };

  return {
    port,
    names,
    /** The attributes of a connection's item as they are stored, or `undefined`. */
    raw: async (connection: string) => items.get(connection),
    /** Stores an item as it is, in place of what was there. */
    put: async (attributes: Attributes) => void items.set(attributes["connection"]?.S ?? "", attributes),
    /** The entries of the index `due` in a partition, earliest first. */
    due: async (of: number) =>
      entries(of).map(
        ({ connection, partition, nextActionAt, failures }) =>
          ({ connection, partition, nextActionAt, failures }) as Attributes,
      ),
  };
}
