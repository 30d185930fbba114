import { expect, it } from "vitest";
import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import type { Scenario } from "../../local/simulator/scenario.ts";
import { around } from "./around.ts";
import { startSteppedWorld } from "./stepped-world.ts";
import { startWithToken } from "./stored-token.ts";

const requirements = { minTtl: 60 };

it.each<[Scenario["mode"]]>([["refused"], ["malformed"], ["unavailable"]])(
  "a connection is never deleted by a failure: a day of %s leaves its item, and it works again",
  async (mode) => {
    const { connection, item, clock, set, ...world } = await startWithToken();
    world.simulator.setScenario({ mode });

    for (let hour = 0; hour < 24; hour += 1) {
      clock.advance(3600);
      await world.sweep(connection);
      await world.service().get(connection, requirements);
    }
    const failed = await item();
    world.simulator.setScenario({ mode: "ok" });
    clock.advance(3600);
    await world.sweep(connection);

    expect(failed).toMatchObject({ generation: 1, tokenSet: { obtainedAt: set.obtainedAt } });
    expect(failed?.failures).toBeGreaterThan(10);
    expect(await item()).toMatchObject({ generation: 2, failures: 0 });
  },
);

it("failures back off in the table, for every environment at once: hundreds of them in a day are few calls", async () => {
  const world = await startSteppedWorld({ mode: "refused" });
  const connection = world.register("webapicorso");

  for (let ask = 0; ask < 480; ask += 1) {
    await world.service().get(connection, requirements);
    world.clock.advance(180);
  }

  // 5 min, 10, 20, 40, then an hour each, three quarters of it on average.
  expect(world.asked().exchanges).toBeLessThan(45);
});

it("backoff never hides a token that is still valid", async () => {
  const { connection, item, clock, ...world } = await startWithToken();
  world.simulator.setScenario({ mode: "rate_limited", retryAfter: 900 });
  clock.advance(3000);
  await world.sweep(connection);

  clock.advance(594);
  const answer = await world.service().get(connection, { minTtl: 1800 });

  expect((await item())?.retryAt).toBeGreaterThan(clock.now());
  expect(answer).toMatchObject({ kind: "token", generation: 1 });
});

it("one flight per connection inside a process, one across processes", async () => {
  const world = await startSteppedWorld();
  const connection = world.register("webapicorso");
  const environments = Array.from({ length: 10 }, () => world.service());

  const answers = await world.settled(
    Promise.all(
      environments.flatMap((service) => Array.from({ length: 50 }, () => service.get(connection, requirements))),
    ),
  );

  expect(answers.every((answer) => answer.kind === "token" && answer.generation === 1)).toBe(true);
  expect(world.asked()).toMatchObject({ exchanges: 1, refreshes: 0 });
});

it("errors are never cached as values: what was thrown once is not thrown again", async () => {
  const { connection, ports, ...world } = await startWithToken();
  let isBroken = true;
  const table = around(ports.table, async (call) => {
    if (isBroken) throw new TypeError("fake bug");
    return call();
  });
  const service = world.service({ table });

  await expect(service.get(connection, requirements)).rejects.toThrow("fake bug");
  isBroken = false;

  expect(await service.get(connection, requirements)).toMatchObject({ kind: "token", generation: 1 });
});

it("the last good value survives errors", async () => {
  const { connection, ports, clock, ...world } = await startWithToken();
  let isDown = false;
  const table = around(ports.table, async (call) => {
    if (isDown) throw new UnavailableError("fake: away");
    return call();
  });
  const service = world.service({ table });
  await service.get(connection, requirements);
  isDown = true;

  clock.advance(3000);
  const answers = [await service.get(connection, requirements), await service.get(connection, requirements)];

  expect(answers).toMatchObject([{ kind: "token" }, { kind: "token" }]);
});

it("a refresh ahead of time that fails serves the token that is still valid", async () => {
  const { connection, set, clock, ...world } = await startWithToken();
  world.simulator.setScenario({ mode: "error" });
  clock.advance(2400);

  const answer = await world.service().get(connection, { minTtl: 1800 });

  expect(world.asked()).toMatchObject({ exchanges: 2, refreshes: 1 });
  expect(answer).toMatchObject({ kind: "token", generation: 1 });
  expect(answer.kind === "token" && answer.set.accessToken.equals(set.accessToken)).toBe(true);
});

it.each<[string, Partial<Scenario>]>([
  ["a replacement", {}],
  ["a refused grant and its exchange", { mode: "refused", on: "refresh" }],
  ["a failure", { mode: "error" }],
])("nothing is left in flight when an answer is there: after %s", async (_, scenario) => {
  const { connection, clock, ...world } = await startWithToken();
  world.simulator.setScenario(scenario);
  clock.advance(3600);

  await world.service().get(connection, requirements);

  expect(world.inFlight()).toBe(0);
});
