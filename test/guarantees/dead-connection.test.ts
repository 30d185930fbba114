import { expect, it } from "vitest";
import { around } from "./around.ts";
import { startSteppedWorld } from "./stepped-world.ts";

const requirements = { minTtl: 60 };
const anInvocation = { reads: 1, writes: 0, secrets: 0, seconds: 0 };

it("one dead connection asked 100 times a second: an invocation is one read, but the one a minute that looks again", async () => {
  const world = await startSteppedWorld();
  const connection = world.register("webapicorso");
  world.simulator.revokeKey("fake-key-1");
  let done = { reads: 0, writes: 0 };
  const counted = around(world.ports.table, (call, name) => {
    done[name === "read" ? "reads" : "writes"] += 1;
    return call();
  });
  await world.service().get(connection, requirements);
  const upstreamCalls = world.asked().exchanges;
  const looks: { at: number }[] = [];
  const codes = new Set<string>();

  // Three minutes, of which every ninth second is lived through at full rate.
  const started = world.clock.now();
  for (let request = 0; request < 2000; request += 1) {
    if (request > 0 && request % 100 === 0) world.clock.advance(8);
    done = { reads: 0, writes: 0 };
    const secrets = world.asked().secrets;
    const at = world.clock.now();
    const answer = await world.settled(world.service({ table: counted }).get(connection, requirements));
    codes.add(answer.kind === "failure" ? answer.failure.code : "token");
    const cost = { ...done, secrets: world.asked().secrets - secrets, seconds: world.clock.now() - at };
    if (cost.secrets > 0) looks.push({ at });
    else expect(cost).toEqual(anInvocation);
    world.clock.advance(0.01);
  }

  expect(codes).toEqual(new Set(["credentials_rejected"]));
  expect(world.clock.now() - started).toBeGreaterThan(170);
  expect(looks).toHaveLength(3);
  expect(world.asked().exchanges).toBe(upstreamCalls);
});
