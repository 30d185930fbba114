import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dynamoDbTokenTable } from "../../functions/auth-core/adapters/dynamodb.ts";
import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import type { ExpectedVersion, TokenTable } from "../../functions/auth-core/use-cases/ports.ts";
import { connectionId } from "../support/registration.ts";
import { startTable, type TestTable } from "../support/table.ts";

const now = 1_800_000_000;
let emulator: TestTable;
let table: TokenTable;
let connection: ConnectionId;
let made = 0;

beforeAll(async () => {
  emulator = await startTable();
  table = dynamoDbTokenTable(emulator.name, emulator.config);
});
afterAll(() => emulator.close());

const freshConnection = () => connectionId(`lease-${++made}`);
const take = (owner: string, expected: ExpectedVersion | undefined, at = now) =>
  table.takeLease(connection, { expected, owner, now: at, until: at + 15 });
const takers = Array.from({ length: 50 }, (_, index) => `owner-${index}`);

/** An item that exists, with no lease on it. */
async function storeItem(expected: ExpectedVersion): Promise<void> {
  connection = freshConnection();
  await emulator.put({
    connection: { S: connection },
    generation: { N: String(expected.generation) },
    failures: { N: String(expected.failures) },
  });
}

describe("a lease", () => {
  it("creates the item of a new connection, with its attempt noted, and is in the index at once", async () => {
    connection = freshConnection();

    const item = await take("owner-1", undefined);

    expect(item).toEqual({
      connection,
      generation: 0,
      failures: 0,
      leaseOwner: "owner-1",
      leaseUntil: now + 15,
      attemptedAt: now,
      nextActionAt: now,
      retiringKeys: {},
    });
    expect(await table.read(connection, "strong")).toEqual(item);
  });

  it("is given to one of 50 takers of a new connection", async () => {
    connection = freshConnection();

    const given = await Promise.all(takers.map((owner) => take(owner, undefined)));

    expect(given.filter((item) => item !== undefined)).toHaveLength(1);
  });

  it("is given to one of 50 takers of a connection that exists", async () => {
    await storeItem({ generation: 4, failures: 0 });

    const given = await Promise.all(takers.map((owner) => take(owner, { generation: 4, failures: 0 })));

    const winners = given.filter((item) => item !== undefined);
    expect(winners).toHaveLength(1);
    expect(await table.read(connection, "strong")).toMatchObject({ leaseOwner: winners[0]?.leaseOwner });
  });

  it("is given to one of 50 takers once it has run out", async () => {
    await storeItem({ generation: 4, failures: 0 });
    await take("dead-owner", { generation: 4, failures: 0 });

    const given = await Promise.all(takers.map((owner) => take(owner, { generation: 4, failures: 0 }, now + 15)));

    expect(given.filter((item) => item !== undefined)).toHaveLength(1);
  });

  it("is not given a millisecond before it runs out, and is at that instant", async () => {
    await storeItem({ generation: 4, failures: 0 });
    await take("dead-owner", { generation: 4, failures: 0 });

    const early = await take("owner-2", { generation: 4, failures: 0 }, now + 14.999);
    const inTime = await take("owner-2", { generation: 4, failures: 0 }, now + 15);

    expect(early).toBeUndefined();
    expect(inTime).toMatchObject({ leaseOwner: "owner-2", leaseUntil: now + 30, attemptedAt: now + 15 });
  });

  it.each([
    ["the generation", { generation: 3, failures: 2 }],
    ["the failures", { generation: 4, failures: 1 }],
  ])("is not given to who saw the item before %s moved", async (_case, expected) => {
    await storeItem({ generation: 4, failures: 2 });

    const given = await take("owner-1", expected);

    expect(given).toBeUndefined();
    expect(await table.read(connection, "strong")).not.toHaveProperty("leaseOwner");
  });

  it("is not given to who saw no item where there is one", async () => {
    await storeItem({ generation: 4, failures: 0 });

    expect(await take("owner-1", undefined)).toBeUndefined();
  });

  it.each([
    ["a new connection", undefined],
    ["one that exists", { generation: 4, failures: 0 }],
  ])("of %s is given again to its own owner, whose first answer may have been lost", async (_case, expected) => {
    if (expected) await storeItem(expected);
    else connection = freshConnection();

    const first = await take("owner-1", expected);
    const second = await take("owner-1", expected);

    expect(second).toEqual(first);
    expect(second).toMatchObject({ leaseOwner: "owner-1" });
  });

  it("is released by its owner only", async () => {
    await storeItem({ generation: 4, failures: 0 });
    await take("owner-1", { generation: 4, failures: 0 });

    await table.release(connection, "owner-2");
    const kept = await table.read(connection, "strong");
    await table.release(connection, "owner-1");
    const released = await table.read(connection, "strong");

    expect(kept).toMatchObject({ leaseOwner: "owner-1", leaseUntil: now + 15 });
    expect(released).toEqual({
      connection,
      generation: 4,
      failures: 0,
      attemptedAt: now,
      nextActionAt: now,
      retiringKeys: {},
    });
  });
});
