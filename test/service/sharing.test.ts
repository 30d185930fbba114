import { describe, expect, it } from "vitest";
import type { Scenario } from "../../local/simulator/scenario.ts";
import { around } from "../../fixtures/around.ts";
import { closedGate } from "../support/gate.ts";
import { startWithToken, startWorld } from "../support/world.ts";

const requirements = { minTtl: 60 };

describe("TokenService in one environment", () => {
  it("makes one API-key request for 200 requests at once", async () => {
    const world = await startWorld();
    const connection = world.register("webapicorso");
    const service = world.service();

    const answers = await Promise.all(Array.from({ length: 200 }, () => service.get(connection, requirements)));

    const tokens = answers.map((answer) => answer.kind === "token" && answer.set.accessToken.reveal());
    expect([...new Set(tokens)]).toEqual([expect.any(String)]);
    expect(world.callCounts()).toMatchObject({ exchanges: 1, refreshes: 0, secrets: 4 });
  });

  it("answers no request with a token that has enough time left only for another request with a smaller min_ttl", async () => {
    const { connection, clock, ...world } = await startWithToken();
    clock.advance(2400);
    const service = world.service();

    const answers = await Promise.all([
      service.get(connection, { minTtl: 0 }),
      service.get(connection, { minTtl: 1300 }),
    ]);

    expect(answers).toMatchObject([{ generation: 1 }, { generation: 2 }]);
  });

  it("answers a failure to all requests that wait for it, whatever their min_ttl", async () => {
    const world = await startWorld({ mode: "unavailable" });
    const connection = world.register("webapicorso");
    const service = world.service();

    const answers = await Promise.all([0, 1800].map((minTtl) => service.get(connection, { minTtl })));

    expect(answers).toMatchObject(answers.map(() => ({ failure: { code: "upstream_unavailable" } })));
    expect(world.callCounts().exchanges).toBe(1);
  });

  it("does not keep an error that was thrown: the next request tries again", async () => {
    const { connection, ports, ...world } = await startWithToken();
    let isBroken = true;
    const table = around(ports.table, (call) => (isBroken ? Promise.reject(new TypeError("fake bug")) : call()));
    const service = world.service({ table });

    await expect(service.get(connection, requirements)).rejects.toThrow("fake bug");
    isBroken = false;

    expect(await service.get(connection, requirements)).toMatchObject({ kind: "token", generation: 1 });
  });
});

describe("TokenService in two environments", () => {
  /** A request whose upstream call is held, and one in another environment that waits for it. */
  async function startTwo(scenario: Partial<Scenario> = {}) {
    const world = await startWorld(scenario);
    const connection = world.register("webapicorso");
    const gate = closedGate();
    const first = world.service({ upstream: world.upstreamAfter(() => gate.pass()) }).get(connection, requirements);
    await gate.reached;
    const second = world.service().get(connection, requirements);
    await world.clock.asleep();
    return { ...world, gate, first, second };
  }

  it("makes one API-key request: the second environment waits and serves the token of the first", async () => {
    const { gate, first, second, ...world } = await startTwo();

    gate.open();
    const answers = [await first, await world.clock.passUntil(second)];

    expect(answers).toMatchObject([
      { kind: "token", source: "upstream", generation: 1 },
      { kind: "token", source: "table", generation: 1 },
    ]);
    expect(world.callCounts().exchanges).toBe(1);
  });

  it("waits 8 s at most for the other environment", async () => {
    const { gate, first, second, clock } = await startTwo();
    const started = clock.now();

    expect(await clock.passUntil(second)).toMatchObject({ failure: { code: "upstream_unavailable", retryAfter: 1 } });
    expect(clock.now() - started).toBeCloseTo(8, 3);
    gate.open();
    expect(await first).toMatchObject({ kind: "token" });
  });

  it("gives up after 8 s in which others were always faster", async () => {
    const { connection, clock, ports, ...world } = await startWithToken();
    clock.advance(3600);
    let attempts = 0;
    const takeLease = async () => {
      attempts += 1;
      if (attempts > 20) throw new Error("it does not give up");
      clock.advance(1);
      return undefined;
    };

    const answer = await world.service({ table: { ...ports.table, takeLease } }).get(connection, { minTtl: 60 });

    expect(answer).toMatchObject({ failure: { code: "upstream_unavailable", retryAfter: 1 } });
    expect(attempts).toBe(8);
  });

  it("answers the failure that it waited for, though the backoff has ended when it reads that failure", async () => {
    const world = await startWorld({ mode: "unavailable" });
    const connection = world.register("webapicorso");
    const gate = closedGate();
    const first = world.service({ upstream: world.upstreamAfter(() => gate.pass()) }).get(connection, requirements);
    await gate.reached;
    let isFailed = false;
    const table = around(world.ports.table, async (call) => {
      const result = await call();
      // Longer than the backoff.
      if (isFailed) world.clock.advance(3);
      return result;
    });
    const second = world.service({ table }).get(connection, requirements);
    await world.clock.asleep();
    gate.open();
    await first;
    isFailed = true;

    expect(await world.clock.passUntil(second)).toMatchObject({ failure: { code: "upstream_unavailable" } });
    expect(world.callCounts().exchanges).toBe(1);
  });

  it("serves the token that it waited for, though another attempt has failed since", async () => {
    const { gate, first, second, ...world } = await startTwo();
    gate.open();
    await first;
    await world.table.put({ ...(await world.table.raw("webapicorso")), failures: { N: "1" } });

    expect(await world.clock.passUntil(second)).toMatchObject({ kind: "token", source: "table", generation: 1 });
  });
});
