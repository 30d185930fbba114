import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dynamoDbTokenTable } from "../../functions/auth-core/adapters/dynamodb.ts";
import { encodeItem } from "../../functions/auth-core/adapters/item-codec.ts";
import type { ConnectionItem } from "../../functions/auth-core/rules/connection-item.ts";
import { partitionOf } from "../../functions/auth-core/rules/fingerprint.ts";
import type { Fence, TokenTable } from "../../functions/auth-core/use-cases/ports.ts";
import { fakeTokenSet, fullItem } from "../support/items.ts";
import { connectionId } from "../support/registration.ts";
import { startTable, type TestTable } from "../support/table.ts";

const now = 1_800_000_000;
const fence: Fence = { owner: "owner-1", generation: 17 };
let emulator: TestTable;
let table: TokenTable;
let made = 0;

beforeAll(async () => {
  emulator = await startTable();
  table = dynamoDbTokenTable(emulator.name, emulator.config);
});
afterAll(() => emulator.close());

const freshConnection = () => connectionId(`write-${++made}`);

/** An item with everything in it, under the lease of `owner-1`. */
async function storeFullItem(): Promise<ConnectionItem> {
  const item = fullItem(freshConnection());
  await emulator.put({ ...encodeItem(item), partition: { N: String(partitionOf(item.connection)) } });
  return item;
}

/** How many items of a connection the index has. */
async function indexed({ connection }: ConnectionItem): Promise<number> {
  const items = await emulator.due(partitionOf(connection));
  return items.filter((item) => item["connection"]?.S === connection).length;
}

describe("a write under a lease", () => {
  it("stores what it is given, and ends the lease", async () => {
    const { leaseOwner: _owner, leaseUntil: _until, ...item } = await storeFullItem();
    const next = { ...item, generation: 18, tokenSet: fakeTokenSet({ obtainedAt: now + 1, dueAt: now + 2 }) };

    const written = await table.write(next, fence);

    expect(written).toBe(true);
    expect(await table.read(item.connection, "strong")).toEqual(next);
  });

  it("removes everything that it is not given, and that is written under a lease", async () => {
    const { connection, registrationCheckedAt, rotationCheckedAt, retiringKeys } = await storeFullItem();

    await table.write({ connection, generation: 18, failures: 0 }, fence);

    expect(await table.read(connection, "strong")).toEqual({
      connection,
      generation: 18,
      failures: 0,
      registrationCheckedAt,
      rotationCheckedAt,
      retiringKeys,
    });
    expect(Object.keys((await emulator.raw(connection)) ?? {}).toSorted()).toEqual([
      "connection",
      "failures",
      "generation",
      "partition",
      "registrationCheckedAt",
      "retiringKeys",
      "rotationCheckedAt",
    ]);
  });

  it("leaves alone what others write without a lease", async () => {
    const item = await storeFullItem();
    const foreign = {
      registrationCheckedAt: { N: "1800000009" },
      rotationCheckedAt: { N: "1800000008" },
      retiringKeys: { M: { aaaaaaaaaaaaaaaa: { M: { since: { N: "1800000007" } } } } },
    };
    await emulator.put({ ...(await emulator.raw(item.connection)), ...foreign });

    // It brings an older `lookedAt` along, as a replacement does that read the item before somebody looked.
    await table.write({ ...item, generation: 18 }, fence);

    expect(await emulator.raw(item.connection)).toMatchObject(foreign);
  });

  it.each([
    ["another owner", { owner: "owner-2", generation: 17 }],
    ["an older generation", { owner: "owner-1", generation: 16 }],
    ["a newer generation", { owner: "owner-1", generation: 18 }],
  ])("is refused under %s, and changes nothing", async (_case, wrongFence) => {
    const item = await storeFullItem();

    const written = await table.write({ ...item, generation: 19 }, wrongFence);

    expect(written).toBe(false);
    expect(await table.read(item.connection, "strong")).toEqual(item);
  });

  it("is refused once the lease was released", async () => {
    const item = await storeFullItem();
    await table.release(item.connection, "owner-1");

    expect(await table.write({ ...item, generation: 18 }, fence)).toBe(false);
  });

  it("is not refused because the lease has run out", async () => {
    const item = await storeFullItem();
    await emulator.put({ ...(await emulator.raw(item.connection)), leaseUntil: { N: "1" } });

    expect(await table.write({ ...item, generation: 18 }, fence)).toBe(true);
  });
});

describe("the index of what is due", () => {
  it("has the item from its first lease on, with its failures, and no token", async () => {
    const connection = freshConnection();

    await table.takeLease(connection, { expected: undefined, owner: "owner-1", now, until: now + 15 });

    const found = await emulator.due(partitionOf(connection));
    expect(found.find((item) => item["connection"]?.S === connection)).toEqual({
      connection: { S: connection },
      partition: { N: String(partitionOf(connection)) },
      nextActionAt: { N: String(now) },
      failures: { N: "0" },
    });
  });

  it("follows the next action, and drops an item whose tokens were erased", async () => {
    const item = await storeFullItem();

    await table.write({ ...item, generation: 18, nextActionAt: now + 99 }, fence);
    const later = await emulator.due(partitionOf(item.connection));
    await table.takeLease(item.connection, {
      expected: { generation: 18, failures: item.failures },
      owner: "owner-2",
      now,
      until: now + 15,
    });
    const { connection } = item;
    await table.write({ connection, generation: 19, failures: 0 }, { owner: "owner-2", generation: 18 });

    expect(later.find((found) => found["connection"]?.S === connection)).toMatchObject({
      nextActionAt: { N: String(now + 99) },
    });
    expect(await indexed(item)).toBe(0);
  });

  it("is not moved by a lease on an item that is in it", async () => {
    const item = await storeFullItem();
    const expected = { generation: 17, failures: 3 };

    await table.takeLease(item.connection, { expected, owner: "owner-2", now: now + 60, until: now + 75 });

    expect(await table.read(item.connection, "strong")).toMatchObject({ nextActionAt: item.nextActionAt });
  });
});

describe("a mistyped id", () => {
  it("creates no item by a write, a release or a look", async () => {
    const connection = freshConnection();

    const written = await table.write({ connection, generation: 1, failures: 0 }, { owner: "owner-1", generation: 0 });
    await table.release(connection, "owner-1");
    const claimed = await table.claimRegistrationCheck(connection, now, now - 60);

    expect([written, claimed]).toEqual([false, false]);
    expect(await emulator.raw(connection)).toBeUndefined();
  });
});
