import { beforeEach, describe, expect, it } from "vitest";
import { encodeItem } from "../../functions/auth-core/adapters/item-codec.ts";
import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import type { ConnectionItem } from "../../functions/auth-core/rules/tokens/connection-item.ts";
import { partitionOf } from "../../functions/auth-core/rules/tokens/partition.ts";
import { fakeTokenSet } from "../support/items.ts";
import { connectionId } from "../../fixtures/registration.ts";
import { describeTables } from "./token-table.ts";

const now = 1_800_000_000;
const key = "00000000000000aa";
const other = "00000000000000bb";
let made = 0;

describeTables((on) => {
  let connection: ConnectionId;
  beforeEach(() => {
    connection = connectionId(`keys-${++made}`);
  });

  const store = (fields: Partial<ConnectionItem> = {}, of = connection) =>
    on.put({
      ...encodeItem({ connection: of, generation: 3, failures: 0, retiringKeys: {}, ...fields }),
      partition: { N: String(partitionOf(of)) },
    });

  const stored = async () => on.table.read(connection, "strong");
  const keys = async () => (await stored())?.retiringKeys;
  const indexed = async () => {
    const entries = await on.due(partitionOf(connection));
    return entries.find((entry) => entry["connection"]?.S === connection)?.["nextActionAt"]?.N;
  };

  describe("An entry of the retiring keys", () => {
    it("creates the item if there is none, and that item does not count as attempted", async () => {
      expect(await on.table.noteKey(connection, key, { since: now })).toBe(true);

      expect(await stored()).toEqual({
        connection,
        generation: 0,
        failures: 0,
        retiringKeys: { [key]: { since: now } },
      });
      expect(await on.table.makeDue(connection, now)).toBe(false);
      const lease = { expected: { generation: 0, failures: 0 }, owner: "owner-1", now, until: now + 15 };
      expect(await on.table.takeLease(connection, lease)).toMatchObject({ retiringKeys: { [key]: { since: now } } });
    });

    it.each([
      { since: now },
      { since: now, testedVersion: "version-1" },
      { since: now, end: now + 1.001 },
      { since: now, end: now + 1, id: "key-1", checkAgainAt: now + 2, announcedAt: now + 3 },
    ])("is changed and removed if it is as expected: %j", async (expected) => {
      await store({ retiringKeys: { [key]: expected, [other]: { since: 1 } } });

      expect(await on.table.changeKey(connection, key, expected, { ...expected, announcedAt: now + 4 })).toBe(true);
      expect(await keys()).toEqual({ [key]: { ...expected, announcedAt: now + 4 }, [other]: { since: 1 } });
      expect(await on.table.changeKey(connection, key, { ...expected, announcedAt: now + 4 }, undefined)).toBe(true);
      expect(await keys()).toEqual({ [other]: { since: 1 } });
    });

    it("is not changed if a field is different, added or missing", async () => {
      const is = { since: now, end: now + 1, id: "key-1" };
      await store({ retiringKeys: { [key]: is } });
      const expected = [
        { ...is, since: now + 1 },
        { ...is, end: now + 2 },
        { ...is, id: "key-2" },
        { ...is, checkAgainAt: now },
        { ...is, announcedAt: now },
        { since: now, end: now + 1 },
        { since: now, id: "key-1" },
      ];

      for (const each of expected) {
        expect(await on.table.changeKey(connection, key, each, undefined)).toBe(false);
        expect(await on.table.changeKey(connection, key, each, { since: 0 })).toBe(false);
      }

      expect(await on.table.changeKey(connection, other, is, undefined)).toBe(false);
      expect(await keys()).toEqual({ [key]: is });
    });
  });

  it("findByKey finds the items whose token set is from a key, and those with an entry of it", async () => {
    const print = `00000000000000${made.toString(16).padStart(2, "0")}`;
    const named = (name: string) => connectionId(`${connection}-${name}`);
    const entry = { since: now, end: now + 1 };
    await store({ tokenSet: fakeTokenSet({ keyFingerprint: print }) }, named("own"));
    await store({ retiringKeys: { [print]: entry } }, named("entry"));
    await store({ tokenSet: fakeTokenSet(), retiringKeys: { [`${print}0`]: entry } }, named("neither"));

    const users = await on.table.findByKey(print);

    expect(users.toSorted((a, b) => a.connection.localeCompare(b.connection))).toEqual([
      { connection: named("entry"), isOwn: false, entry },
      { connection: named("own"), isOwn: true },
    ]);
  });

  describe("The next action", () => {
    it("moves if it is as expected, and leaves the index if there is none", async () => {
      await store({ nextActionAt: now });

      expect(await on.table.reschedule(connection, now + 1, now + 2)).toBe(false);
      expect(await on.table.reschedule(connection, undefined, now + 2)).toBe(false);
      expect(await on.table.reschedule(connection, now, now + 2)).toBe(true);
      expect(await indexed()).toBe(String(now + 2));
      expect(await on.table.reschedule(connection, now + 2, undefined)).toBe(true);
      expect(await indexed()).toBeUndefined();
      expect(await on.table.reschedule(connection, undefined, undefined)).toBe(true);
      expect(await on.table.reschedule(connection, undefined, now)).toBe(true);
      expect(await indexed()).toBe(String(now));
    });

    it("is now for a connection that is made due, also during a backoff; a lease that has run out ends", async () => {
      const tokenSet = fakeTokenSet({ dueAt: now + 1800 });
      const lease = { leaseOwner: "fake-owner", leaseUntil: now - 1 };
      await store({
        tokenSet,
        attemptedAt: now - 9,
        failures: 2,
        retryAt: now + 900,
        nextActionAt: now + 900,
        ...lease,
      });

      expect(await on.table.makeDue(connection, now)).toBe(true);

      const item = await stored();
      expect(item).toMatchObject({ nextActionAt: now, failures: 2, tokenSet: { dueAt: now } });
      for (const ended of ["retryAt", "leaseOwner", "leaseUntil"]) expect(item).not.toHaveProperty(ended);
    });

    it("can be set to a later instant", async () => {
      await store({ tokenSet: fakeTokenSet(), attemptedAt: now - 9 });

      expect(await on.table.makeDue(connection, now, now + 15)).toBe(true);

      expect(await stored()).toMatchObject({ nextActionAt: now + 15, tokenSet: { dueAt: now + 15 } });
    });

    it("is not set for an item that does not exist", async () => {
      expect(await on.table.makeDue(connection, now)).toBe(false);
      expect(await on.raw(connection)).toBeUndefined();
    });
  });

  it("claimRotationCheck lets one claim succeed per day, and none without an item", async () => {
    const claim = (at: number) => on.table.claimRotationCheck(connection, at, at - 86_400);
    expect(await claim(now)).toBe(false);
    await store();

    const claimed = await Promise.all([claim(now), claim(now), claim(now)]);

    expect(claimed.filter(Boolean)).toHaveLength(1);
    expect(await claim(now + 86_399)).toBe(false);
    expect(await claim(now + 86_400)).toBe(true);
    expect((await stored())?.rotationCheckedAt).toBe(now + 86_400);
  });
});
