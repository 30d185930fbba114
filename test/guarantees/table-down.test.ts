import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { dynamoDbTokenTable } from "../../functions/auth-core/adapters/dynamodb.ts";
import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import type { Ports } from "../../functions/auth-core/use-cases/ports.ts";
import type { Answer } from "../../functions/auth-core/use-cases/token-service.ts";
import { emulatorConfig } from "../support/aws.ts";
import { around } from "./around.ts";
import { startSteppedWorld } from "./stepped-world.ts";

const requirements = { minTtl: 60 };

/** A world with a table that can be taken away, with everything in it, and given back. */
async function startWithSwitch() {
  const world = await startSteppedWorld();
  const connection = world.register("webapicorso");
  const down = { is: false };
  const table = around(world.ports.table, async (call) => {
    if (down.is) throw new UnavailableError("fake: the table is away");
    return call();
  });
  return { ...world, connection, down, table };
}

it("a table that is down for 5 minutes: who has a valid token goes on serving, others are unavailable at once", async () => {
  const { connection, table, down, ...world } = await startWithSwitch();
  const warm = world.service({ table });
  const cold = world.service({ table });
  await warm.get(connection, requirements);
  world.clock.advance(1750);
  await warm.get(connection, requirements);
  const before = world.asked();
  const answers: { warm: Answer; cold: Answer; waited: number }[] = [];

  down.is = true;
  for (let second = 0; second < 300; second += 1) {
    const started = world.clock.now();
    // The schedule goes on, and fails as a whole: what it would replace is for the next minute.
    if (second % 60 === 0) await expect(world.sweep(connection, { table })).rejects.toThrow(UnavailableError);
    const [one, other] = await world.settled(
      Promise.all([warm.get(connection, requirements), cold.get(connection, requirements)]),
    );
    answers.push({ warm: one, cold: other, waited: world.clock.now() - started });
    world.clock.advance(1);
  }
  down.is = false;
  const after = await cold.get(connection, requirements);
  const sweep = await world.sweep(connection, { table });

  expect(new Set(answers.map((each) => each.warm.kind))).toEqual(new Set(["token"]));
  expect(answers.map((each) => each.cold)).toEqual(
    Array(300).fill(
      expect.objectContaining({ failure: expect.objectContaining({ code: "unavailable", retryAfter: 1 }) }),
    ),
  );
  expect(Math.max(...answers.map(({ waited }) => waited))).toBe(0);
  expect(after).toMatchObject({ kind: "token", generation: 1 });
  expect(sweep).toMatchObject({ replaced: 1 });
  expect(world.asked().exchanges).toBe(before.exchanges);
});

it("a table that goes down in the middle of a replacement: the caller gets the token that upstream gave", async () => {
  const { connection, table, down, ...world } = await startWithSwitch();
  const upstream: Ports["upstream"] = {
    async call(...asked) {
      const answer = await world.ports.upstream.call(...asked);
      down.is = true;
      return answer;
    },
  };
  const started = world.clock.now();

  const answer = await world.settled(world.service({ table, upstream }).get(connection, requirements));

  expect(answer).toMatchObject({ kind: "token", source: "upstream" });
  expect(world.clock.now() - started).toBeLessThan(15);
  expect(world.notices).toContainEqual(expect.objectContaining({ kind: "commit_not_written" }));
});

it("a table that swallows every request hangs nobody: unavailable after three attempts", async () => {
  const server = createServer((socket) => socket.on("error", () => socket.destroy()));
  const sockets = new Set<{ destroy(): void }>();
  server.on("connection", (socket) => sockets.add(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const world = await startSteppedWorld();
  const connection = world.register("webapicorso");
  const silent = dynamoDbTokenTable("fake-connections", emulatorConfig(`http://127.0.0.1:${port}`));
  const started = performance.now();

  const answer = await world.service({ table: silent }).get(connection, requirements);

  expect(answer).toMatchObject({ failure: { code: "unavailable", retryAfter: 1 } });
  expect(performance.now() - started).toBeLessThan(8000);
});
