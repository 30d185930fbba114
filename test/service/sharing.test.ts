import { describe, expect, it } from "vitest";
import type { Upstream } from "../../functions/auth-core/use-cases/ports.ts";
import { closedGate } from "../support/gate.ts";
import { startWorld } from "../support/world.ts";

const requirements = { minTtl: 60 };

/** An upstream that answers only once the gate is open. */
function behind(gate: ReturnType<typeof closedGate>, upstream: Upstream): Upstream {
  return {
    async call(request, registration) {
      await gate.pass();
      return upstream.call(request, registration);
    },
  };
}

describe("one process", () => {
  it("sends one exchange for 200 requests at once", async () => {
    const world = await startWorld();
    const connection = world.register("webapicorso");
    const service = world.service();

    const answers = await Promise.all(Array.from({ length: 200 }, () => service.get(connection, requirements)));

    expect(answers.every((answer) => answer.kind === "token")).toBe(true);
    expect(new Set(answers.map((answer) => answer.kind === "token" && answer.set.accessToken.reveal())).size).toBe(1);
    expect(world.asked()).toMatchObject({ exchanges: 1, refreshes: 0, secrets: 4 });
  });

  it("lets no connection wait for another's flight", async () => {
    const world = await startWorld();
    const [slow, quick] = [world.register("slow"), world.register("quick", { apiKey: "fake-key-2" })];
    const gate = closedGate();
    const held = behind(gate, world.ports.upstream);
    const upstream: Upstream = {
      call: (request, registration) =>
        (registration.scope === "slow" ? held : world.ports.upstream).call(request, registration),
    };
    const service = world.service({ upstream });

    const waiting = service.get(slow, requirements);
    await gate.reached;
    const answer = await service.get(quick, requirements);
    gate.open();

    expect(answer.kind).toBe("token");
    expect(await waiting).toMatchObject({ kind: "token" });
  });

  it("asks the table once for 50 requests at once that a valid token cannot satisfy", async () => {
    const world = await startWorld();
    const connection = world.register("webapicorso");
    await world.service().get(connection, requirements);
    world.clock.advance(2400);
    world.simulator.setScenario({ mode: "unavailable" });
    await world.service().get(connection, { minTtl: 1300 });
    let reads = 0;
    const { table } = world.ports;
    const read: typeof table.read = (...asked) => {
      reads += 1;
      return table.read(...asked);
    };
    const service = world.service({ table: { ...table, read } });

    const answers = await Promise.all(Array.from({ length: 50 }, () => service.get(connection, { minTtl: 1300 })));

    expect(answers.every((answer) => answer.kind === "token" && answer.source === "table")).toBe(true);
    expect(reads).toBe(1);
  });

  it("does not keep a failure: the next request tries again once it may", async () => {
    const world = await startWorld({ mode: "unavailable" });
    const connection = world.register("webapicorso");
    const service = world.service();
    const failed = await service.get(connection, requirements);

    world.simulator.setScenario({ mode: "ok" });
    world.clock.advance(5);

    expect(failed).toMatchObject({ failure: { code: "upstream_unavailable" } });
    expect(await service.get(connection, requirements)).toMatchObject({ kind: "token" });
  });
});

describe("two environments that share a table", () => {
  it("send one exchange: the other waits, and answers with its token", async () => {
    const world = await startWorld();
    const connection = world.register("webapicorso");
    const gate = closedGate();
    const first = world.service({ upstream: behind(gate, world.ports.upstream) }).get(connection, requirements);
    await gate.reached;
    const second = world.service().get(connection, requirements);
    await world.clock.asleep();

    gate.open();
    const fetched = await first;
    const shared = await world.clock.passUntil(second);

    expect(fetched).toMatchObject({ kind: "token", source: "upstream", generation: 1 });
    expect(shared).toMatchObject({ kind: "token", source: "table", generation: 1 });
    expect(world.asked().exchanges).toBe(1);
  });

  it("send one replacement however many see that it is due at once", async () => {
    const world = await startWorld();
    const connection = world.register("webapicorso");
    await world.service().get(connection, requirements);
    world.clock.advance(3596);

    const all = Promise.all(Array.from({ length: 20 }, () => world.service().get(connection, requirements)));
    const answers = await world.clock.passUntil(all);

    expect(answers.map((answer) => answer.kind === "token" && answer.generation)).toEqual(Array(20).fill(2));
    expect(world.asked()).toMatchObject({ exchanges: 1, refreshes: 1 });
  });

  it("do not wait longer than 8 s for each other", async () => {
    const world = await startWorld();
    const connection = world.register("webapicorso");
    const gate = closedGate();
    const first = world.service({ upstream: behind(gate, world.ports.upstream) }).get(connection, requirements);
    await gate.reached;
    const started = world.clock.now();

    const gaveUp = await world.clock.passUntil(world.service().get(connection, requirements));

    expect(gaveUp).toMatchObject({ failure: { code: "upstream_unavailable", retryAfter: 1 } });
    expect(world.clock.now() - started).toBeCloseTo(8, 3);
    gate.open();
    expect(await first).toMatchObject({ kind: "token" });
  });

  it("take over the lease of one that died", async () => {
    const world = await startWorld();
    const connection = world.register("webapicorso");
    const now = world.clock.now();
    await world.ports.table.takeLease(connection, { expected: undefined, owner: "dead", now, until: now + 15 });

    const first = await world.clock.passUntil(world.service().get(connection, requirements));
    const second = await world.clock.passUntil(world.service().get(connection, requirements));

    expect(first).toMatchObject({ failure: { code: "upstream_unavailable" } });
    expect(second).toMatchObject({ kind: "token", source: "upstream" });
    expect(world.clock.now() - now).toBeLessThan(16.1);
  });

  it("stop waiting when the other stores a failure", async () => {
    const world = await startWorld({ mode: "refused" });
    const connection = world.register("webapicorso");
    const gate = closedGate();
    const first = world.service({ upstream: behind(gate, world.ports.upstream) }).get(connection, requirements);
    await gate.reached;
    const second = world.service().get(connection, requirements);
    await world.clock.asleep();

    gate.open();
    const failures = [await first, await world.clock.passUntil(second)];

    expect(failures).toMatchObject([
      { failure: { code: "credentials_rejected" } },
      { failure: { code: "credentials_rejected" } },
    ]);
    expect(world.asked().exchanges).toBe(1);
  });
});
