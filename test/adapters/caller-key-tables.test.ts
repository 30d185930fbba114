import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { dynamoDbClient } from "../../functions/auth-core/adapters/dynamodb-sdk.ts";
import { type DynamoDb, dynamoDbTokenTable } from "../../functions/auth-core/adapters/dynamodb.ts";
import { encodeItem } from "../../functions/auth-core/adapters/item-codec.ts";
import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import { dynamoDbHandles } from "../../functions/oauth/edges/handle-table.ts";
import type { HandleTable } from "../../functions/oauth/use-cases/issued-handles.ts";
import {
  dynamoDbRevokedKeys,
  writableRevokedKeys,
  type WritableRevokedKeyTable,
} from "../../functions/auth-core/adapters/revoked-key-table.ts";
import { dynamoDbStatusTable } from "../../functions/status/edges/status-table.ts";
import { fullItem } from "../support/items.ts";
import { connectionId } from "../../fixtures/registration.ts";
import { startTableProxy } from "../../fixtures/table-proxy.ts";
import { startTable, type TestTable } from "../../fixtures/table.ts";

let table: TestTable;
let client: DynamoDb;
let handles: HandleTable;
let revokedKeys: WritableRevokedKeyTable;
let connection: ConnectionId;
let made = 0;
beforeAll(async () => {
  table = await startTable();
  client = dynamoDbClient(table.config);
  handles = dynamoDbHandles(table.name, client);
  revokedKeys = writableRevokedKeys(table.name, client);
});
afterAll(() => table.close());
beforeEach(() => void (connection = connectionId(`handles-${++made}`)));

const [key, otherKey, thirdKey] = ["00000000000000aa", "00000000000000bb", "00000000000000cc"] as const;
const handle = (name: string) => new Secret(`fake-handle-${name}`);
const store = () => table.put(encodeItem(fullItem(connection)));
const stored = async () =>
  Object.fromEntries([...(await handles.read(connection)).handles].map(([name, value]) => [name, value.reveal()]));

describe("The handles of a connection", () => {
  it("are added one by one, and a key keeps its first one", async () => {
    await store();

    expect((await handles.add(connection, key, handle("1"), []))?.reveal()).toBe("fake-handle-1");
    expect((await handles.add(connection, otherKey, handle("2"), []))?.reveal()).toBe("fake-handle-2");
    expect((await handles.add(connection, key, handle("3"), []))?.reveal()).toBe("fake-handle-1");
    expect(await stored()).toEqual({ [key]: "fake-handle-1", [otherKey]: "fake-handle-2" });
  });

  it("are the same for all who add one at once", async () => {
    await store();

    const added = await Promise.all(["1", "2", "3", "4"].map((name) => handles.add(connection, key, handle(name), [])));

    const { [key]: winner } = await stored();
    expect(added.map((each) => each?.reveal())).toEqual([winner, winner, winner, winner]);
  });

  it("end for the keys that are gone, when one is added", async () => {
    await store();
    await handles.add(connection, key, handle("1"), []);
    await handles.add(connection, otherKey, handle("2"), []);

    await handles.add(connection, thirdKey, handle("3"), [key, "00000000000000dd"]);

    expect(await stored()).toEqual({ [otherKey]: "fake-handle-2", [thirdKey]: "fake-handle-3" });
  });

  it("are read with the names that the stored token was issued for", async () => {
    const { tokenSet } = fullItem(connection);
    expect((await handles.read(connection)).names).toEqual({ username: undefined, scope: undefined });
    await store();

    const { names } = await handles.read(connection);

    expect(names.username).toBeDefined();
    expect(names).toEqual({ username: tokenSet?.username, scope: tokenSet?.registeredScope });
  });

  it("are not stored without a token set, and reading or adding creates no item", async () => {
    expect(await stored()).toEqual({});
    expect(await handles.add(connection, key, handle("1"), [])).toBeUndefined();
    expect(await table.raw(connection)).toBeUndefined();
  });

  it("are not stored if the map is erased between the two writes, though there is a new token set", async () => {
    await store();
    const interrupted: DynamoDb = {
      ...client,
      async update(input) {
        if (input.UpdateExpression?.startsWith("SET refreshHandles.")) await store();
        return client.update(input);
      },
    };

    expect(await dynamoDbHandles(table.name, interrupted).add(connection, key, handle("1"), [])).toBeUndefined();
    expect(await stored()).toEqual({});
  });
});

describe("The revoked keys", () => {
  const [hash, otherHash] = ["a".repeat(64), "b".repeat(64)] as const;

  it("are added to one item, keep their first revocation, and are forgotten on request", async () => {
    expect(await revokedKeys.read()).toEqual(new Map());
    await revokedKeys.add([hash], { name: "old-php", at: 1_800_000_000 });
    await revokedKeys.add([hash, otherHash], { name: "old-php", at: 1_800_000_009 });

    expect(await revokedKeys.read()).toEqual(
      new Map([
        [hash, { name: "old-php", at: 1_800_000_000 }],
        [otherHash, { name: "old-php", at: 1_800_000_009 }],
      ]),
    );

    await revokedKeys.add(["c".repeat(64)], { name: "erp", at: 1 }, [hash, otherHash]);
    expect([...(await revokedKeys.read()).keys()]).toEqual(["c".repeat(64)]);
  });

  it("are removed on request, and the others stay", async () => {
    await revokedKeys.add(["user:fake", "entry:fake", hash], { name: "portal", at: 1 });

    await revokedKeys.remove(["user:fake", "entry:fake"]);

    const records = await revokedKeys.read();
    expect(["user:fake", "entry:fake", hash].map((each) => records.has(each))).toEqual([false, false, true]);
  });

  it("are all stored by operators who revoke at once", async () => {
    const hashes = Array.from({ length: 8 }, (_, index) => String(index).repeat(64));

    await Promise.all(hashes.map((each) => revokedKeys.add([each], { name: "erp", at: 1 })));

    expect([...(await revokedKeys.read()).keys()]).toEqual(expect.arrayContaining(hashes));
  });

  it("are no connection: neither the sweep nor a search for a key finds their item", async () => {
    await revokedKeys.add([hash], { name: "0123456789abcdef", at: 1 });
    const tokens = dynamoDbTokenTable(table.name, client);
    const status = dynamoDbStatusTable(table.name, client);

    for (const print of [hash.slice(0, 16), "revokedKeys"]) expect(await tokens.findByKey(print)).toEqual([]);
    const { items: all } = await status.list(500);
    const one: typeof all = [];
    let last: ConnectionId | undefined;
    do {
      const page = await status.list(1, last);
      one.push(...page.items);
      last = page.last;
    } while (last !== undefined);
    expect(all.length).toBeGreaterThan(3);
    expect(all.filter((item) => item.connection.startsWith("#"))).toEqual([]);
    expect(one).toEqual(all);
  });
});

it("Both tables are read strongly consistent, and the handles without the tokens", async () => {
  const proxy = await startTableProxy(table.config.endpoint);
  const proxied = dynamoDbClient({ ...table.config, endpoint: proxy.url });
  await store();

  await dynamoDbHandles(table.name, proxied).read(connection);
  await dynamoDbRevokedKeys(table.name, proxied).read();

  expect(proxy.requests.map(({ operation, input }) => [operation, input])).toMatchObject([
    ["GetItem", { ConsistentRead: true, ProjectionExpression: "refreshHandles, username, registeredScope" }],
    ["GetItem", { ConsistentRead: true }],
  ]);
  await proxy.close();
});
