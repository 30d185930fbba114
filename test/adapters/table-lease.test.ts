import { beforeEach, describe, expect, it } from "vitest";
import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import type { ExpectedVersion } from "../../functions/auth-core/use-cases/ports.ts";
import { connectionId } from "../../fixtures/registration.ts";
import { describeTables } from "./token-table.ts";

const now = 1_800_000_000;
let connection: ConnectionId;
let made = 0;
beforeEach(() => void (connection = connectionId(`lease-${++made}`)));

describeTables((on) => {
  const stored = () => on.table.read(connection, "strong");
  const take = (owner: string, expected: ExpectedVersion | undefined, at = now) =>
    on.table.takeLease(connection, { expected, owner, now: at, until: at + 15 });
  const takenOf = async (work: Promise<unknown>[]) => (await Promise.all(work)).filter(Boolean);
  const takers = Array.from({ length: 50 }, (_, index) => `owner-${index}`);

  /** Stores an item without a lease. The version to expect of it. */
  const counts = { generation: { N: "4" }, failures: { N: "0" } };
  async function store(failures = 0): Promise<ExpectedVersion> {
    await on.put({ connection: { S: connection }, ...counts, failures: { N: String(failures) } });
    return { generation: 4, failures };
  }

  describe("takeLease", () => {
    it("creates the item of a new connection, notes the attempt and puts the item into the index", async () => {
      const item = await take("owner-1", undefined);

      const lease = { leaseOwner: "owner-1", leaseUntil: now + 15, attemptedAt: now, nextActionAt: now };
      expect(item).toEqual({ connection, generation: 0, failures: 0, retiringKeys: {}, ...lease });
      expect(await stored()).toEqual(item);
    });

    it("makes a connection due whose token is not, only with isDue", async () => {
      const lease = { owner: "owner-1", now, until: now + 15 };
      await on.put({ connection: { S: connection }, nextActionAt: { N: String(now + 600) }, ...counts });
      const expected = { generation: 4, failures: 0 };

      const usual = await on.table.takeLease(connection, { ...lease, expected });
      const reported = await on.table.takeLease(connection, { ...lease, expected, isDue: true });

      expect([usual?.nextActionAt, reported?.nextActionAt]).toEqual([now + 600, now]);
    });

    it.each(["new", "stored", "leased until now"])(
      "gives the lease of a %s connection to one of 50 takers",
      async (state) => {
        const expected = state === "new" ? undefined : await store();
        if (state === "leased until now") await take("dead-owner", expected, now - 15);
        const read = expected && (await stored());

        const given = await Promise.all(takers.map((owner) => take(owner, read)));

        const winners = given.filter((item) => item !== undefined);
        expect(winners).toHaveLength(1);
        expect(await stored()).toMatchObject({ leaseOwner: winners[0]?.leaseOwner });
      },
    );

    it("gives no lease a millisecond before the previous lease ends, and gives it at that instant", async () => {
      const expected = await take("dead-owner", await store());

      const early = await take("owner-2", expected, now + 14.999);
      const inTime = await take("owner-2", expected, now + 15);

      expect(early).toBeUndefined();
      expect(inTime).toMatchObject({ leaseOwner: "owner-2", leaseUntil: now + 30, attemptedAt: now + 15 });
    });

    it.each([
      ["another generation", { generation: 3, failures: 2 }],
      ["other failures", { generation: 4, failures: 1 }],
      ["no item", undefined],
    ])("gives no lease to an environment that read %s", async (_, expected) => {
      await store(2);

      expect(await take("owner-1", expected)).toBeUndefined();
      expect(await stored()).not.toHaveProperty("leaseOwner");
    });

    it("gives no lease to an environment that read the item before an attempt that changed no count", async () => {
      const read = await store();
      const first = await take("owner-1", read, now - 60.0004);
      await on.table.release(connection, "owner-1");

      const [early, older] = [
        await take("owner-2", read),
        await take("owner-2", { ...read, attemptedAt: now - 60.002 }),
      ];
      const untouched = await stored();

      expect([early, older]).toEqual([undefined, undefined]);
      expect(untouched).not.toHaveProperty("leaseOwner");
      expect(first).toMatchObject({ attemptedAt: now - 60 });
      expect(await take("owner-2", untouched)).toMatchObject({ leaseOwner: "owner-2", attemptedAt: now });
    });

    it.each(["new", "stored"])(
      "gives the lease of a %s connection again to its owner, whose first response may be lost",
      async (state) => {
        const expected = state === "new" ? undefined : await store();

        // Milliseconds are what the table keeps of an instant.
        const first = await take("owner-1", expected, now + 0.0004);

        expect(first).toMatchObject({ leaseOwner: "owner-1" });
        expect(await take("owner-1", expected, now + 0.0004)).toEqual(first);
      },
    );
  });

  it("release ends a lease for its owner only", async () => {
    await take("owner-1", await store());

    await on.table.release(connection, "owner-2");
    const kept = await stored();
    await on.table.release(connection, "owner-1");

    expect(kept).toMatchObject({ leaseOwner: "owner-1", leaseUntil: now + 15 });
    const item = { connection, generation: 4, failures: 0, attemptedAt: now, nextActionAt: now, retiringKeys: {} };
    expect(await stored()).toEqual(item);
  });

  it("claimRegistrationCheck gives the check to one of 20 once in the interval, for each connection", async () => {
    const claims = (at: number, of = connection) =>
      takenOf(Array.from({ length: 20 }, () => on.table.claimRegistrationCheck(of, at, at - 60)));
    const other = connectionId(`other-${made}`);
    await store(1);
    await on.put({ connection: { S: other } });

    const given = [await claims(now), await claims(now + 59.9), await claims(now + 60), await claims(now, other)];

    expect(given.map(({ length }) => length)).toEqual([1, 0, 1, 1]);
    expect(await stored()).toMatchObject({ registrationCheckedAt: now + 60, failures: 1 });
  });
});
