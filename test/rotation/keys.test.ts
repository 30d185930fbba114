import { expect, it } from "vitest";
import type { ConnectionItem } from "../../functions/auth-core/rules/connection-item.ts";
import { retirableKeys } from "../../functions/auth-core/rules/retiring-keys.ts";
import { sweep } from "../../functions/token-rotation/sweep.ts";
import { startWorld, type World } from "../support/world.ts";
import { halfLife, itemOf, startConnections, summaryOf, sweepAll } from "./sweep-world.ts";

const leaving = "aaaaaaaaaaaaaaaa";

/** One sweep over every partition, which looks after keys too; whose keys it looked after. */
async function sweepKeys(world: World, maintainKeys: (item: ConnectionItem) => Promise<boolean>) {
  const asked: string[] = [];
  const bugs: unknown[] = [];
  const summary = await sweep(
    world.ports,
    { shard: 0, shards: 1 },
    (error) => bugs.push(error),
    (item) => {
      asked.push(item.connection);
      return maintainKeys(item);
    },
  );
  return { summary, asked, bugs };
}

const hasRetirable = (world: World) => async (item: ConnectionItem) =>
  retirableKeys(item, world.clock.now()).length > 0;

/** A connection with a fresh token, and a key that left use, to be looked at in a minute. */
async function startWithLeavingKey(world: World) {
  const [connection] = await startConnections(world, "webapicorso");
  const now = world.clock.now();
  await world.ports.table.noteKey(connection!, leaving, { since: now, end: now + 60 });
  world.clock.advance(60);
  return connection!;
}

it("looks after a key that is due, and replaces no token for it", async () => {
  const world = await startWorld();
  const connection = await startWithLeavingKey(world);

  const { summary, asked } = await sweepKeys(world, hasRetirable(world));

  expect(summary).toEqual(summaryOf({ due: 1, keysOnly: 1 }));
  expect(asked).toEqual([connection]);
  expect(world.asked()).toMatchObject({ exchanges: 1, refreshes: 0 });
  expect(await itemOf(world, connection)).toMatchObject({ generation: 1 });
});

it("counts a connection whose token it replaced as replaced, though it looked after a key of it too", async () => {
  const world = await startWorld();
  const connection = await startWithLeavingKey(world);
  world.clock.advance(halfLife);

  const { summary, asked } = await sweepKeys(world, hasRetirable(world));

  expect(summary).toMatchObject({ due: 1, replaced: 1, keysOnly: 0 });
  expect(asked).toEqual([connection]);
  expect(await itemOf(world, connection)).toMatchObject({ generation: 2 });
});

it("replaces the tokens of all others, where looking after the keys of one meets a bug", async () => {
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
  expect(world.asked().refreshes).toBe(2);
});

it("replaces what is in the index for no reason that its item has, so that nothing stays there for ever", async () => {
  const world = await startWorld();
  const [connection] = await startConnections(world, "webapicorso");
  const stored = await world.table.raw(connection!);
  await world.table.put({ ...stored, nextActionAt: { N: String(world.clock.now()) } });

  const summary = await sweepAll(world);

  expect(summary).toEqual(summaryOf({ due: 1, replaced: 1 }));
  expect((await itemOf(world, connection!)).nextActionAt).toBeGreaterThan(world.clock.now());
});
