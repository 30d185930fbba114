import { beforeEach, describe, expect, it } from "vitest";
import { encodeItem } from "../../functions/auth-core/adapters/item-codec.ts";
import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import { fakeTokenSet } from "../support/items.ts";
import { connectionId } from "../../fixtures/registration.ts";
import { describeTables } from "./token-table.ts";

const lease = { leaseOwner: "owner-1", leaseUntil: 1 };
const fence = { owner: "owner-1", generation: 1 };
let scope: string;
let made = 0;
beforeEach(() => void (scope = `scope-${++made}`));

describeTables((on) => {
  /** A connection with a token set of these names, under a lease. */
  async function store(id: string, username: string, registeredScope = scope): Promise<ConnectionId> {
    const connection = connectionId(`${id}-${made}`);
    const tokenSet = fakeTokenSet({ username, registeredScope });
    await on.put(encodeItem({ connection, generation: 1, failures: 0, tokenSet, ...lease }));
    return connection;
  }
  const find = async (username?: string) => (await on.names.find(scope, username)).toSorted();

  describe("the index of names", () => {
    it("finds the connections of a scope, or of a username and scope", async () => {
      const [one, two, three] = [
        await store("one", "admin_a"),
        await store("two", "admin_b"),
        await store("three", "admin_b"),
      ];
      await store("four", "admin_a", `${scope}-other`);

      expect(await find()).toEqual([one, two, three].toSorted());
      expect(await find("admin_a")).toEqual([one]);
      expect(await find("admin_b")).toEqual([two, three].toSorted());
      expect(await find("admin")).toEqual([]);
    });

    it("follows a token set of other names, and drops a connection without a token set", async () => {
      const connection = await store("one", "admin_a");
      const tokenSet = fakeTokenSet({ username: "admin_b", registeredScope: scope });

      await on.table.write({ connection, generation: 1, failures: 0, tokenSet }, fence);
      const renamed = [await find("admin_a"), await find("admin_b")];
      await on.put({ ...(await on.raw(connection)), leaseOwner: { S: "owner-1" } });
      await on.table.write({ connection, generation: 2, failures: 0 }, fence);

      expect(renamed).toEqual([[], [connection]]);
      expect(await find()).toEqual([]);
    });

    it("takes the longest names that a registration can have", async () => {
      scope = "\uFFFC".repeat(256);
      const connection = await store("long", scope);

      expect(await find(scope)).toEqual([connection]);
    });
  });
});
