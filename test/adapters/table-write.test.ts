import { beforeEach, describe, expect, it } from "vitest";
import { encodeItem } from "../../functions/auth-core/adapters/item-codec.ts";
import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import type { ConnectionItem } from "../../functions/auth-core/rules/tokens/connection-item.ts";
import { partitionOf } from "../../functions/auth-core/rules/tokens/partition.ts";
import type { Fence } from "../../functions/auth-core/use-cases/ports.ts";
import { fakeTokenSet, fullItem } from "../support/items.ts";
import { connectionId } from "../../fixtures/registration.ts";
import { describeTables } from "./token-table.ts";

const now = 1_800_000_000;
const fence: Fence = { owner: "owner-1", generation: 17 };
const [key, otherKey, thirdKey] = ["00000000000000aa", "00000000000000bb", "00000000000000cc"] as const;
let connection: ConnectionId;
let made = 0;
beforeEach(() => void (connection = connectionId(`write-${++made}`)));

describeTables((on) => {
  const stored = () => on.table.read(connection, "strong");
  const keys = async () => (await stored())?.retiringKeys;
  const store = (item: ConnectionItem) =>
    on.put({ ...encodeItem(item), partition: { N: String(partitionOf(connection)) } });
  const storeKeys = (fields: Partial<ConnectionItem>) =>
    store({ connection, generation: 3, failures: 0, retiringKeys: {}, ...fields });

  /** Stores an item with every attribute, under the lease of `owner-1`. */
  async function storeFullItem(): Promise<ConnectionItem> {
    const item = fullItem(connection);
    await store(item);
    return item;
  }

  /** The entry of the connection in the index `due`. */
  const indexed = async () =>
    (await on.due(partitionOf(connection))).find((entry) => entry["connection"]?.S === connection);
  const dueAt = async () => (await indexed())?.["nextActionAt"]?.N;

  describe("write", () => {
    it("stores what it gets, and ends the lease", async () => {
      const { leaseOwner: _owner, leaseUntil: _until, ...item } = await storeFullItem();
      const next = { ...item, generation: 18, tokenSet: fakeTokenSet({ obtainedAt: now + 1, dueAt: now + 2 }) };

      expect(await on.table.write(next, fence)).toBe(true);
      expect(await stored()).toEqual(next);
    });

    it("removes every attribute of a replacement that it does not get", async () => {
      const { registrationCheckedAt, rotationCheckedAt, apiAcceptedAt, retiringKeys } = await storeFullItem();
      const next = { connection, generation: 18, failures: 0 };
      const kept = { registrationCheckedAt, rotationCheckedAt, apiAcceptedAt, retiringKeys };

      await on.table.write(next, fence);

      expect(await stored()).toEqual({ ...next, ...kept });
      const names = Object.keys((await on.raw(connection)) ?? {});
      expect(names.toSorted()).toEqual([...Object.keys({ ...next, ...kept }), "partition"].toSorted());
    });

    it("does not change attributes that others write without a lease", async () => {
      const item = await storeFullItem();
      const foreign = {
        registrationCheckedAt: { N: "1800000009" },
        rotationCheckedAt: { N: "1800000008" },
        apiAcceptedAt: { N: "1800000006" },
        retiringKeys: { M: { aaaaaaaaaaaaaaaa: { M: { since: { N: "1800000007" } } } } },
      };
      await on.put({ ...(await on.raw(connection)), ...foreign });

      // A replacement that read the item earlier brings older values of these attributes.
      await on.table.write({ ...item, generation: 18 }, fence);

      expect(await on.raw(connection)).toMatchObject(foreign);
    });

    it("keeps the refresh handles of callers, and removes them with the token set", async () => {
      const { tokenSet: _, ...failed } = await storeFullItem();
      const refreshHandles = { M: { [key]: { S: "fake-handle-1" } } };
      await on.put({ ...(await on.raw(connection)), refreshHandles });

      const { tokenSet } = fullItem(connection);
      await on.table.write({ ...failed, ...(tokenSet && { tokenSet }), leaseOwner: "owner-1" }, fence);
      expect(await on.raw(connection)).toMatchObject({ refreshHandles });

      await on.put({ ...(await on.raw(connection)), leaseOwner: { S: "owner-1" } });
      await on.table.write(failed, fence);
      expect(await on.raw(connection)).not.toHaveProperty("refreshHandles");
    });

    it.each([
      ["another owner", { owner: "owner-2", generation: 17 }],
      ["an older generation", { owner: "owner-1", generation: 16 }],
      ["a newer generation", { owner: "owner-1", generation: 18 }],
    ])("is rejected under %s, and changes nothing", async (_, wrongFence) => {
      const item = await storeFullItem();

      expect(await on.table.write({ ...item, generation: 19 }, wrongFence)).toBe(false);
      expect(await stored()).toEqual(item);
    });

    it("is rejected after the release of the lease", async () => {
      const item = await storeFullItem();
      await on.table.release(connection, "owner-1");

      expect(await on.table.write({ ...item, generation: 18 }, fence)).toBe(false);
    });

    it("is not rejected because the lease has ended", async () => {
      const item = await storeFullItem();
      await on.put({ ...(await on.raw(connection)), leaseUntil: { N: "1" } });

      expect(await on.table.write({ ...item, generation: 18 }, fence)).toBe(true);
    });

    it("changes only the retiring keys that it names", async () => {
      await storeKeys({
        leaseOwner: "owner-1",
        retiringKeys: { [key]: { since: 1 }, [otherKey]: { since: 2 }, [thirdKey]: { since: 3 } },
      });
      const changes = { [key]: { since: 1, end: now }, [otherKey]: undefined };
      const next = { connection, generation: 4, failures: 0, retiringKeys: {} };

      await on.table.write(next, { owner: "owner-1", generation: 3 }, changes);

      expect(await keys()).toEqual({ [key]: { since: 1, end: now }, [thirdKey]: { since: 3 } });
    });
  });

  describe("noteKey", () => {
    it("changes no other key, and no other attribute", async () => {
      const item = { nextActionAt: now + 5, registrationCheckedAt: now };
      const others = { [otherKey]: { since: 1, end: now + 9 } };
      await storeKeys({ ...item, retiringKeys: others });
      const noted = { since: now, end: now + 10.5, id: "key-1" };

      await on.table.noteKey(connection, key, noted);

      const retiringKeys = { ...others, [key]: noted };
      expect(await stored()).toEqual({ connection, generation: 3, failures: 0, ...item, retiringKeys });
    });

    it("creates the item if there is none, and brings it into the index by the end of the key, never later", async () => {
      await on.table.noteKey(connection, key, { since: now, end: now + 10 });
      const first = await dueAt();
      await on.table.noteKey(connection, otherKey, { since: now, end: now + 20 });
      const second = await dueAt();
      await on.table.noteKey(connection, otherKey, { since: now, end: now + 5 });

      expect([first, second, await dueAt()]).toEqual([now + 10, now + 10, now + 5].map(String));
    });

    it("writes under a lease for its owner only", async () => {
      await storeKeys({ leaseOwner: "owner-1", leaseUntil: now + 15 });

      expect(await on.table.noteKey(connection, key, { since: now }, "owner-2")).toBe(false);
      expect(await keys()).toEqual({});
      expect(await on.table.noteKey(connection, key, { since: now }, "owner-1")).toBe(true);
      expect(await keys()).toEqual({ [key]: { since: now } });
    });
  });

  describe("the index of what is due", () => {
    const lease = { expected: undefined, owner: "owner-1", now, until: now + 15 };

    it("has the item from its first lease on, with its failures and without a token", async () => {
      await on.table.takeLease(connection, lease);

      const partition = { N: String(partitionOf(connection)) };
      const nextActionAt = { N: String(now) };
      expect(await indexed()).toEqual({ connection: { S: connection }, partition, nextActionAt, failures: { N: "0" } });
    });

    it("follows the next action, and drops an item without one", async () => {
      const item = await storeFullItem();

      await on.table.write({ ...item, generation: 18, nextActionAt: now + 99 }, fence);
      const later = await dueAt();
      await on.table.takeLease(connection, { ...lease, expected: { ...item, generation: 18 } });
      await on.table.write({ connection, generation: 19, failures: 0 }, { owner: "owner-1", generation: 18 });

      expect(later).toBe(String(now + 99));
      expect(await indexed()).toBeUndefined();
    });

    it("is not moved by a lease", async () => {
      const item = await storeFullItem();

      await on.table.takeLease(connection, { expected: item, owner: "owner-2", now: now + 60, until: now + 75 });

      expect(await stored()).toMatchObject({ leaseOwner: "owner-2", nextActionAt: item.nextActionAt });
    });

    it("returns what is due at an instant, the earliest first", async () => {
      const partition = partitionOf(connection);
      const mine = async (at: number) =>
        (await on.table.due(partition, at)).filter((entry) => entry.connection === connection);
      await storeKeys({ failures: 2, nextActionAt: now + 50 });

      expect(await mine(now + 49.999)).toEqual([]);
      expect(await mine(now + 50)).toEqual([{ connection, failures: 2, nextActionAt: now + 50 }]);
      const instants = (await on.table.due(partition, now + 1e6)).map(({ nextActionAt }) => nextActionAt);
      expect(instants).toEqual(instants.toSorted((one, other) => one - other));
    });
  });

  it("no write, release or check creates the item of a mistyped id", async () => {
    const written = await on.table.write(
      { connection, generation: 1, failures: 0 },
      { owner: "owner-1", generation: 0 },
    );
    await on.table.release(connection, "owner-1");
    const claimed = await on.table.claimRegistrationCheck(connection, now, now - 60);

    expect([written, claimed]).toEqual([false, false]);
    expect(await on.raw(connection)).toBeUndefined();
  });
});
