import { describe, expect, it } from "vitest";
import { startWorld } from "../support/world.ts";

const anHour = { lifetime: 3600 };
const requirements = { minTtl: 60 };

/** A world with a connection whose token is stored already, by a service whose memory nobody else has. */
async function startWithToken(scenario = {}, fields = {}) {
  const world = await startWorld({ ...anHour, ...scenario });
  const connection = world.register("webapicorso", fields);
  const first = await world.service().get(connection, requirements);
  if (first.kind !== "token") throw new Error(first.failure.detail);
  return { ...world, connection, token: first.set.accessToken.reveal() };
}

/** A table that counts its strongly consistent reads. */
function counting({ ports }: Pick<Awaited<ReturnType<typeof startWorld>>, "ports">) {
  const reads = { strong: 0, eventual: 0 };
  const { table } = ports;
  const read: typeof table.read = (connection, consistency) => {
    reads[consistency] += 1;
    return table.read(connection, consistency);
  };
  return { reads, table: { ...table, read } };
}

describe("a token that is good enough", () => {
  it("comes from upstream at first, then from memory, and for another environment from the table", async () => {
    const world = await startWorld();
    const connection = world.register("webapicorso");
    const service = world.service();

    const first = await service.get(connection, requirements);
    const second = await service.get(connection, requirements);
    const elsewhere = await world.service().get(connection, requirements);

    expect(first).toMatchObject({ kind: "token", source: "upstream", generation: 1 });
    expect(second).toMatchObject({ kind: "token", source: "memory", generation: 1 });
    expect(elsewhere).toMatchObject({ kind: "token", source: "table", generation: 1 });
    expect(world.asked()).toMatchObject({ exchanges: 1, refreshes: 0 });
  });

  it.each([
    ["60 s", 60, {}],
    ["5 s, where a replacement kills it,", 5, { singleActiveToken: true }],
  ])("is answered from memory for %s with no I/O, then from the table", async (_case, seconds, fields) => {
    const { clock, connection, ...world } = await startWithToken({}, fields);
    const { reads, table } = counting(world);
    const service = world.service({ table });
    await service.get(connection, requirements);

    clock.advance(seconds);
    const atItsEnd = await service.get(connection, requirements);
    const readsTillThen = reads.strong;
    clock.advance(0.001);
    const afterIt = await service.get(connection, requirements);

    expect([atItsEnd, afterIt]).toMatchObject([{ source: "memory" }, { source: "table" }]);
    expect([readsTillThen, reads.strong, reads.eventual]).toEqual([1, 2, 0]);
  });

  it("is served though it is due, and without a look into Secrets Manager", async () => {
    const { clock, connection, ...world } = await startWithToken();
    const before = world.asked();

    clock.advance(3400);
    const answers = [
      await world.service().get(connection, requirements),
      await world.service().get(connection, requirements),
    ];

    expect(answers).toMatchObject([{ source: "table" }, { source: "table" }]);
    expect(world.asked()).toEqual(before);
  });

  it("is expired 5 s before its end: a millisecond earlier it is served, then it is replaced", async () => {
    const { clock, connection, token, ...world } = await startWithToken();
    const anything = { minTtl: 0 };

    clock.advance(3600 - 5.001);
    const valid = await world.service().get(connection, anything);
    clock.advance(0.001);
    const replaced = await world.service().get(connection, anything);

    expect(valid).toMatchObject({ source: "table", generation: 1 });
    expect(replaced).toMatchObject({ source: "upstream", generation: 2 });
    expect(valid.kind === "token" && valid.set.accessToken.reveal()).toBe(token);
  });
});

describe("a token with less left than min_ttl", () => {
  it("is replaced once, and whoever asks for as much again gets the new one", async () => {
    const { clock, connection, ...world } = await startWithToken();
    const service = world.service();

    clock.advance(2400);
    const better = await service.get(connection, { minTtl: 1300 });
    const again = await service.get(connection, { minTtl: 1300 });

    expect(better).toMatchObject({ source: "upstream", generation: 2 });
    expect(again).toMatchObject({ source: "memory", generation: 2 });
  });

  it("counts as good enough while 40 % of its lifetime are left, whatever is asked for", async () => {
    const { clock, connection, ...world } = await startWithToken({ lifetime: 600 });
    const most = { minTtl: 1800 };

    clock.advance(360);
    const enough = await world.service().get(connection, most);
    clock.advance(0.001);
    const replaced = await world.service().get(connection, most);

    expect(enough).toMatchObject({ source: "table", generation: 1 });
    expect(replaced).toMatchObject({ source: "upstream", generation: 2 });
  });

  it("is the answer all the same within 30 s of the last attempt, and is replaced after them", async () => {
    const { clock, connection, ...world } = await startWithToken({ lifetime: 40 });
    const most = { minTtl: 1800 };

    clock.advance(29.999);
    const early = await world.service().get(connection, most);
    clock.advance(0.001);
    const late = await world.service().get(connection, most);

    expect(early).toMatchObject({ kind: "token", source: "table", generation: 1 });
    expect(late).toMatchObject({ kind: "token", source: "upstream", generation: 2 });
  });

  it("is served while another environment is replacing it", async () => {
    const { clock, connection, ports, ...world } = await startWithToken();
    clock.advance(2400);
    const lease = {
      expected: { generation: 1, failures: 0 },
      owner: "other",
      now: clock.now(),
      until: clock.now() + 15,
    };
    await ports.table.takeLease(connection, lease);

    const answer = await world.service().get(connection, { minTtl: 1300 });

    expect(answer).toMatchObject({ kind: "token", source: "table", generation: 1 });
    expect(clock.now()).toBe(lease.now);
  });

  it("is served in a backoff, with its true end", async () => {
    const { clock, connection, simulator, ...world } = await startWithToken();
    simulator.setScenario({ mode: "unavailable" });
    clock.advance(2400);

    const service = world.service();
    const first = await service.get(connection, { minTtl: 1300 });
    const asked = world.asked();
    const second = await service.get(connection, { minTtl: 1300 });

    expect([first, second]).toMatchObject([
      { kind: "token", generation: 1 },
      { kind: "token", generation: 1 },
    ]);
    expect(first.kind === "token" && first.set.accessTokenExpiresAt - clock.now()).toBe(1200);
    expect(world.asked()).toEqual(asked);
  });
});
