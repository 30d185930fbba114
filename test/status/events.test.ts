import { describe, expect, it } from "vitest";
import type { BrokerEvent } from "../../functions/auth-core/rules/event.ts";
import type { Scenario } from "../../local/simulator/scenario.ts";
import { startWorld } from "../support/world.ts";

/** A connection, and a caller whose token has expired at each request. */
async function startEventWorld() {
  const world = await startWorld({ lifetime: 60 });
  const connection = world.register("webapicorso");
  const events: BrokerEvent[] = [];
  const put = async (event: BrokerEvent) => void events.push(event);

  return {
    ...world,
    connection,
    events,
    types: () => events.map(({ kind }) => kind),
    /** Steps past every backoff there is, and requests a token in this scenario. */
    async askIn(mode: Scenario["mode"]) {
      world.simulator.setScenario({ mode });
      world.clock.advance(3700);
      return world.service({ events: { put } }).get(connection, { minTtl: 0 });
    },
  };
}

describe("connection_rejected", () => {
  it("is sent once when the key is rejected, however often the broker retries", async () => {
    const world = await startEventWorld();

    await world.askIn("ok");
    for (let tries = 0; tries < 3; tries += 1) await world.askIn("refused");

    expect(world.events).toEqual([
      {
        kind: "connection_rejected",
        connection: world.connection,
        code: "credentials_rejected",
        detail: expect.stringContaining("rejected the API key"),
      },
    ]);
    expect(await world.ports.table.read(world.connection, "strong")).toMatchObject({ failures: 3 });
  });

  it("is sent when the secret lost a required field, and contains no value of it", async () => {
    const world = await startEventWorld();
    await world.askIn("ok");
    world.put(world.connection, JSON.stringify({ username: "fake-user", apiKey: "fake-key-1" }));

    await world.askIn("ok");

    expect(world.events).toMatchObject([{ kind: "connection_rejected", code: "connection_not_ready" }]);
    expect(JSON.stringify(world.events)).not.toMatch(/fake-key|fake-user/);
  });

  it.each<Scenario["mode"]>(["unavailable", "rate_limited", "malformed", "reset"])(
    "is not sent for a temporary failure, and no recovery from it is sent: %s",
    async (mode) => {
      const world = await startEventWorld();

      for (const each of ["ok", mode, "ok"] as const) await world.askIn(each);

      expect(world.events).toEqual([]);
      expect(await world.ports.table.read(world.connection, "strong")).toMatchObject({ generation: 2, failures: 0 });
    },
  );
});

describe("connection_recovered", () => {
  it("is sent with the first success after a rejection, and with no other", async () => {
    const world = await startEventWorld();

    for (const mode of ["refused", "refused", "ok", "ok", "ok"] as const) await world.askIn(mode);

    expect(world.types()).toEqual(["connection_rejected", "connection_recovered"]);
    expect(world.events[1]).toEqual({ kind: "connection_recovered", connection: world.connection });
  });

  it("comes in turn with connection_rejected, one of each per turn", async () => {
    const world = await startEventWorld();

    for (const mode of ["ok", "refused", "ok", "refused", "refused", "ok"] as const) await world.askIn(mode);

    const turn = ["connection_rejected", "connection_recovered"];
    expect(world.types()).toEqual([...turn, ...turn]);
  });

  // A temporary failure overwrites the last error, but not that the operator was notified.
  it("is sent once, although an outage came between the rejection and the recovery", async () => {
    const world = await startEventWorld();

    for (const mode of ["refused", "unavailable", "refused", "unavailable", "ok"] as const) await world.askIn(mode);

    expect(world.types()).toEqual(["connection_rejected", "connection_recovered"]);
  });

  it("is sent once by many environments that request a token at the same time", async () => {
    const world = await startEventWorld();
    await world.askIn("refused");
    world.simulator.setScenario({ mode: "ok" });
    world.clock.advance(3700);
    const events = { put: async (event: BrokerEvent) => void world.events.push(event) };
    const ask = () => world.service({ events }).get(world.connection, { minTtl: 0 });

    const answers = await world.clock.passUntil(Promise.all([ask(), ask(), ask()]));

    expect(answers.map(({ kind }) => kind)).toEqual(["token", "token", "token"]);

    expect(world.types()).toEqual(["connection_rejected", "connection_recovered"]);
  });
});
