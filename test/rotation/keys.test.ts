import { expect, it } from "vitest";
import type { ConnectionItem } from "../../functions/auth-core/rules/tokens/connection-item.ts";
import { retirableKeys } from "../../functions/auth-core/rules/keys/retiring-keys.ts";
import { sweep } from "../../functions/token-rotation/use-cases/sweep.ts";
import { startWorld, type World } from "../support/world.ts";
import { halfLife, itemOf, startConnections, summaryOf } from "./sweep-world.ts";

const leaving = "aaaaaaaaaaaaaaaa";

/** One sweep over every partition, with the upkeep of keys. Also returns the connections whose keys it handled. */
async function sweepKeys(world: World, maintainKeys: (item: ConnectionItem) => Promise<boolean>) {
  const handled: string[] = [];
  const bugs: unknown[] = [];
  const summary = await sweep(
    world.ports,
    { shard: 0, shards: 1 },
    (error) => bugs.push(error),
    (item) => {
      handled.push(item.connection);
      return maintainKeys(item);
    },
  );
  return { summary, handled, bugs };
}

const hasRetirable = (world: World) => async (item: ConnectionItem) =>
  retirableKeys(item, world.clock.now()).length > 0;

/** A connection with a fresh token, and a retiring key whose end has just passed. */
async function startWithLeavingKey(world: World) {
  const [connection] = await startConnections(world, "webapicorso");
  const now = world.clock.now();
  await world.ports.table.noteKey(connection!, leaving, { since: now, end: now + 60 });
  world.clock.advance(60);
  return connection!;
}

it("A sweep handles a key whose end has passed, and replaces no token for it", async () => {
  const world = await startWorld();
  const connection = await startWithLeavingKey(world);

  const { summary, handled } = await sweepKeys(world, hasRetirable(world));

  expect(summary).toEqual(summaryOf({ due: 1, keysOnly: 1 }));
  expect(handled).toEqual([connection]);
  expect(world.callCounts()).toMatchObject({ exchanges: 1, refreshes: 0 });
  expect(await itemOf(world, connection)).toMatchObject({ generation: 1 });
});

it("A sweep counts a connection as replaced if it replaced its token and handled a key", async () => {
  const world = await startWorld();
  const connection = await startWithLeavingKey(world);
  world.clock.advance(halfLife);

  const { summary, handled } = await sweepKeys(world, hasRetirable(world));

  expect(summary).toMatchObject({ due: 1, replaced: 1, keysOnly: 0 });
  expect(handled).toEqual([connection]);
  expect(await itemOf(world, connection)).toMatchObject({ generation: 2 });
});

it("A sweep replaces the tokens of all other connections if the keys of one cause a bug", async () => {
  const world = await startWorld();
  await startConnections(world, "one", "two");
  const bug = new Error("fake bug");
  world.clock.advance(halfLife);

  const { summary, bugs } = await sweepKeys(world, async ({ connection }) => {
    if (connection === "one") throw bug;
    return false;
  });

  expect(summary).toMatchObject({ due: 2, replaced: 1, failed: 1 });
  expect(bugs).toEqual([bug]);
  expect(world.callCounts().refreshes).toBe(2);
});
