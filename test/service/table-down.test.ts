import { describe, expect, it } from "vitest";
import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import type { TokenTable } from "../../functions/auth-core/use-cases/ports.ts";
import { startWorld } from "../support/world.ts";

const requirements = { minTtl: 60 };

/** A world, and a service over a table that can be made to answer no reads or no writes. */
async function startWithSwitch() {
  const world = await startWorld();
  const connection = world.register("webapicorso");
  const down = { read: false, write: false };
  const { table } = world.ports;
  const faulty: TokenTable = {
    ...table,
    read: (...asked) => (down.read ? world.unreachable() : table).read(...asked),
    write: async (...asked) => {
      if (down.write) throw new UnavailableError("fake: the table is away");
      return table.write(...asked);
    },
  };
  return { ...world, connection, down, service: world.service({ table: faulty }), environment: world.service };
}

describe("while the table does not answer", () => {
  it("a valid token in memory is the answer at any age, and an operator hears of it", async () => {
    const { service, connection, clock, down, notices } = await startWithSwitch();
    await service.get(connection, requirements);
    down.read = true;
    clock.advance(3594);

    const answer = await service.get(connection, requirements);

    expect(answer).toMatchObject({ kind: "token", source: "memory", generation: 1 });
    expect(notices.at(-1)).toMatchObject({ kind: "table_unavailable", connection });
  });

  it("a token in memory that has expired is not", async () => {
    const { service, connection, clock, down } = await startWithSwitch();
    await service.get(connection, requirements);
    down.read = true;
    clock.advance(3595);

    expect(await service.get(connection, requirements)).toMatchObject({
      failure: { code: "unavailable", retryAfter: 1 },
    });
  });

  it("an environment with nothing in memory is unavailable, and asks nobody else", async () => {
    const { service, connection, down, asked } = await startWithSwitch();
    down.read = true;

    expect(await service.get(connection, requirements)).toMatchObject({
      failure: { code: "unavailable", retryAfter: 1 },
    });
    expect(asked()).toEqual({ secrets: 0, exchanges: 0, refreshes: 0 });
  });

  it("a token that the caller saw rejected is not the answer", async () => {
    const { service, connection, down } = await startWithSwitch();
    await service.get(connection, requirements);
    down.read = true;

    const answer = await service.get(connection, { minTtl: 0, rejectedSha256: "0".repeat(64) });

    expect(answer).toMatchObject({ failure: { code: "unavailable" } });
  });

  it("no refresh token is spent: the lease proves that the table can be written", async () => {
    const world = await startWithSwitch();
    await world.service.get(world.connection, requirements);
    world.clock.advance(3600);
    const { table } = world.ports;
    const unwritable: TokenTable = { ...world.unreachable(), read: (...asked) => table.read(...asked) };

    const answer = await world.environment({ table: unwritable }).get(world.connection, requirements);

    expect(answer).toMatchObject({ failure: { code: "unavailable" } });
    expect(world.asked().refreshes).toBe(0);
  });
});

describe("a commit that cannot be written", () => {
  it("is tried until the lease ends; then the caller gets the token, and an operator hears of it", async () => {
    const { service, connection, clock, down, notices, ports } = await startWithSwitch();
    down.write = true;
    const started = clock.now();

    const answer = await clock.passUntil(service.get(connection, requirements));

    expect(answer).toMatchObject({ kind: "token", source: "upstream", generation: 1 });
    expect(notices.at(-1)).toMatchObject({ kind: "commit_not_written", connection });
    expect(clock.now() - started).toBeGreaterThan(13);
    expect(clock.now() - started).toBeLessThan(15);
    expect(await ports.table.read(connection, "strong")).toMatchObject({ generation: 0 });
  });

  it("is written as soon as the table answers again within the lease", async () => {
    const { service, connection, clock, down, notices, ports } = await startWithSwitch();
    down.write = true;
    const answer = service.get(connection, requirements);
    await clock.asleep();
    down.write = false;

    expect(await clock.passUntil(answer)).toMatchObject({ kind: "token", generation: 1 });
    expect(await ports.table.read(connection, "strong")).toMatchObject({ generation: 1 });
    expect(notices.map(({ kind }) => kind)).toEqual(["replaced"]);
  });

  it("never hands out a token that expired meanwhile", async () => {
    const { service, connection, clock, down, simulator } = await startWithSwitch();
    simulator.setScenario({ lifetime: 10 });
    down.write = true;

    const answer = await clock.passUntil(service.get(connection, requirements));

    expect(answer).toMatchObject({ kind: "failure", failure: { code: "upstream_unavailable" } });
  });

  it("because another won is theirs to answer: their token is served, and ours is not stored over it", async () => {
    const { ports, environment, connection, ...world } = await startWithSwitch();
    const { upstream } = ports;
    let overtaken = false;
    const slow: typeof upstream = {
      async call(request, registration) {
        const answer = await upstream.call(request, registration);
        if (!overtaken) {
          overtaken = true;
          world.clock.advance(16);
          await environment().get(connection, requirements);
        }
        return answer;
      },
    };

    const answer = await environment({ upstream: slow }).get(connection, requirements);

    const item = await ports.table.read(connection, "strong");
    expect(answer).toMatchObject({ kind: "token", source: "table", generation: 1 });
    expect(answer.kind === "token" && answer.set.accessToken.reveal()).toBe(item?.tokenSet?.accessToken.reveal());
    expect(world.notices.map(({ kind }) => kind)).toEqual(["replaced"]);
  });
});

describe("a failure that cannot be written", () => {
  it("is the caller's answer all the same", async () => {
    const { service, connection, down, simulator, notices } = await startWithSwitch();
    simulator.setScenario({ mode: "refused" });
    down.write = true;

    expect(await service.get(connection, requirements)).toMatchObject({ failure: { code: "credentials_rejected" } });
    expect(notices.at(-1)).toMatchObject({ kind: "table_unavailable" });
  });
});
