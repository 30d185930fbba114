import { describe, expect, it, onTestFinished } from "vitest";
import { dynamoDbClient } from "../../functions/auth-core/adapters/dynamodb-sdk.ts";
import { dynamoDbTokenTable } from "../../functions/auth-core/adapters/dynamodb.ts";
import { encodeItem } from "../../functions/auth-core/adapters/item-codec.ts";
import { connectionId } from "../../fixtures/registration.ts";
import { startTable } from "../../fixtures/table.ts";
import { startTableProxy } from "../../fixtures/table-proxy.ts";
import { startWorld } from "../support/world.ts";
import { halfLife, startConnections, startDue, summaryOf, sweepAll } from "./sweep-world.ts";

describe("A sweep", () => {
  it("replaces what is due by the refresh grant, as a request does, and changes nothing else", async () => {
    const world = await startWorld();
    const [due] = await startConnections(world, "due");
    world.clock.advance(600);
    await startConnections(world, "fresh");
    const fresh = await world.table.raw("fresh");
    world.clock.advance(halfLife - 600 + 7);

    const summary = await sweepAll(world);

    expect(summary).toEqual(summaryOf({ due: 1, replaced: 1, oldestLateness: 7 }));
    expect(world.callCounts()).toMatchObject({ exchanges: 2, refreshes: 1 });
    const replaced = {
      kind: "replaced",
      connection: due,
      by: "refresh_token",
      generation: 2,
      remainingSeconds: 3600,
      progress: true,
    };
    expect(world.notices.at(-1)).toEqual(replaced);
    expect(await world.table.raw("fresh")).toEqual(fresh);
  });

  it("replaces a token set at the instant at which it is due, not a second earlier", async () => {
    const world = await startWorld();
    await startConnections(world, "webapicorso");
    world.clock.advance(halfLife - 1);
    const before = await sweepAll(world);
    world.clock.advance(1);
    const then = await sweepAll(world);

    expect(before).toEqual(summaryOf({}));
    expect(then).toEqual(summaryOf({ due: 1, replaced: 1 }));
  });

  it("does not count a token set that it could not commit as replaced", async () => {
    const { world, connection } = await startDue();
    const write: typeof world.ports.table.write = (...args) => world.unreachable().write(...args);
    const table = { ...world.ports.table, write };

    const summary = await world.clock.passUntil(sweepAll(world, { table }));

    expect(summary).toEqual(summaryOf({ due: 1, failed: 1 }));
    expect(world.notices.at(-1)).toMatchObject({ kind: "commit_not_written", connection });
  });
});

it("A sweep reads only what is due, however many connections there are: the index finds it by its key", async () => {
  const stored = await startTable();
  const proxy = await startTableProxy(stored.config.endpoint);
  onTestFinished(async () => void (await Promise.all([proxy.close(), stored.close()])));
  const port = dynamoDbTokenTable(stored.name, dynamoDbClient({ ...stored.config, endpoint: proxy.url }));
  const ids = Array.from({ length: 50 }, (_, index) => connectionId(`connection-${index}`));
  const items = ids.map((connection, index) => ({
    ...encodeItem({ connection, generation: 1, failures: 0, nextActionAt: 1000 + index }),
    partition: { N: "3" },
  }));
  await stored.put(...items);

  const due = await port.due(3, 1004);

  const read = proxy.requests.map(({ output }) => (JSON.parse(output) as { ScannedCount: number }).ScannedCount);
  expect(due.map(({ connection }) => connection)).toEqual(ids.slice(0, 5));
  expect(read).toEqual([5]);
});
