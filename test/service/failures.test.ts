import { describe, expect, it } from "vitest";
import type { Scenario } from "../../local/simulator/scenario.ts";
import { startWorld } from "../support/world.ts";

const requirements = { minTtl: 60 };

describe("a bad upstream", () => {
  const passing = { code: "upstream_unavailable", retryAfter: 2.5 };
  const malformed = { code: "upstream_malformed" };

  it.each<[string, Partial<Scenario>, object]>([
    ["is overloaded", { mode: "rate_limited", retryAfter: 60 }, { code: "upstream_unavailable", retryAfter: 60 }],
    ["answers 503", { mode: "unavailable" }, passing],
    ["answers 500", { mode: "error" }, passing],
    ["resets the connection", { mode: "reset" }, passing],
    ["does not answer", { mode: "hang" }, passing],
    ["answers no token", { mode: "malformed" }, malformed],
    ["answers HTML", { mode: "html" }, malformed],
    ["answers nothing", { mode: "empty" }, malformed],
    ["answers over 64 KiB", { mode: "oversized" }, malformed],
    ["answers JSON that breaks off", { mode: "truncated", opaque: true }, malformed],
    ["answers an expired token", { mode: "expired" }, malformed],
    ["redirects", { mode: "redirect" }, malformed],
    ["refuses the key", { mode: "refused" }, { code: "credentials_rejected" }],
    ["answers a token too short-lived to be used", { lifetime: 5 }, { code: "upstream_unavailable" }],
  ])("that %s ends in its documented failure, with no token at hand", async (_case, scenario, failure) => {
    const world = await startWorld(scenario);
    const connection = world.register("webapicorso");

    const answer = await world.service().get(connection, requirements);

    expect(answer).toMatchObject({ kind: "failure", failure });
    expect(JSON.stringify([answer, world.notices])).not.toMatch(/fake-|eyJ/);
    expect(await world.ports.table.read(connection, "strong")).toMatchObject({ generation: 0, failures: 1 });
  });

  it.each<[string, Partial<Scenario>]>([
    ["is overloaded", { mode: "rate_limited" }],
    ["answers 503", { mode: "unavailable" }],
    ["resets the connection", { mode: "reset" }],
    ["does not answer", { mode: "hang" }],
    ["answers no token", { mode: "malformed" }],
    ["answers over 64 KiB", { mode: "oversized" }],
    ["answers an expired token", { mode: "expired" }],
    ["redirects", { mode: "redirect" }],
    ["refuses every credential", { mode: "refused" }],
  ])("that %s damages nothing that is stored, and the valid token is served", async (_case, scenario) => {
    const world = await startWorld();
    const connection = world.register("webapicorso");
    await world.service().get(connection, requirements);
    const stored = await world.ports.table.read(connection, "strong");
    world.simulator.setScenario(scenario);
    world.clock.advance(2400);

    const answer = await world.service().get(connection, { minTtl: 1300 });

    const item = await world.ports.table.read(connection, "strong");
    expect(answer).toMatchObject({ kind: "token", generation: 1, set: stored?.tokenSet });
    expect(item).toMatchObject({ generation: 1, failures: 1 });
    expect(item?.tokenSet).toEqual(stored?.tokenSet);
    expect(item?.tokenSet?.refreshToken?.reveal()).toBe(stored?.tokenSet?.refreshToken?.reveal());
    expect(item).not.toHaveProperty("leaseOwner");
  });
});

describe("a failure", () => {
  it("is stored for every environment, and nobody asks upstream before its backoff has ended", async () => {
    const world = await startWorld({ mode: "rate_limited", retryAfter: 60 });
    const connection = world.register("webapicorso");
    const first = await world.service().get(connection, requirements);
    world.simulator.setScenario({ mode: "ok" });

    world.clock.advance(59.9);
    const during = await world.service().get(connection, requirements);
    const askedTillThen = world.asked().exchanges;
    world.clock.advance(0.2);
    const after = await world.service().get(connection, requirements);

    expect(first).toMatchObject({ failure: { code: "upstream_unavailable", retryAfter: 60 } });
    expect(during).toMatchObject({ failure: { code: "upstream_unavailable", retryAfter: expect.closeTo(0.1, 2) } });
    expect(askedTillThen).toBe(1);
    expect(after).toMatchObject({ kind: "token" });
  });

  it("backs off longer each time, and a success forgets it", async () => {
    const world = await startWorld({ mode: "unavailable" });
    const connection = world.register("webapicorso");
    const waits: unknown[] = [];

    for (let attempt = 0; attempt < 4; attempt += 1) {
      const answer = await world.service().get(connection, requirements);
      waits.push(answer.kind === "failure" && answer.failure.retryAfter);
      world.clock.advance(Number(waits.at(-1)));
    }
    world.simulator.setScenario({ mode: "ok" });
    await world.service().get(connection, requirements);

    expect(waits).toEqual([2.5, 5, 10, 20]);
    const item = await world.ports.table.read(connection, "strong");
    expect(item).toMatchObject({ generation: 1, failures: 0 });
    for (const gone of ["retryAt", "lastError", "skipRefresh"]) expect(item).not.toHaveProperty(gone);
  });

  it("backs off by at most a quarter of what is left of a valid token", async () => {
    const world = await startWorld({ lifetime: 60 });
    const connection = world.register("webapicorso");
    await world.service().get(connection, requirements);
    world.clock.advance(40);
    world.simulator.setScenario({ mode: "unavailable" });

    await world.service({ random: () => 1 }).get(connection, { minTtl: 1800 });

    expect(await world.ports.table.read(connection, "strong")).toMatchObject({ retryAt: world.clock.now() + 5 });
  });

  it("of the refusing kind is not tried again for minutes, though nothing valid is left", async () => {
    const world = await startWorld({ mode: "refused" });
    const connection = world.register("webapicorso");
    await world.service().get(connection, requirements);

    world.clock.advance(224);
    const answer = await world.service().get(connection, requirements);

    expect(answer).toMatchObject({ failure: { code: "credentials_rejected" } });
    expect(world.asked().exchanges).toBe(1);
  });
});

describe("the same token again", () => {
  it("is no progress: generation and lifetime stay, and the next try is far away", async () => {
    const world = await startWorld({ sameToken: true });
    const connection = world.register("webapicorso");
    await world.service().get(connection, requirements);
    const before = await world.ports.table.read(connection, "strong");
    world.clock.advance(2400);

    const answer = await world.service().get(connection, { minTtl: 1300 });

    const after = await world.ports.table.read(connection, "strong");
    expect(answer).toMatchObject({ kind: "token", generation: 1 });
    expect(after).toMatchObject({
      generation: 1,
      failures: 0,
      nextActionAt: world.clock.now() + 600,
      tokenSet: {
        obtainedAt: before?.tokenSet?.obtainedAt,
        accessTokenExpiresAt: before?.tokenSet?.accessTokenExpiresAt,
      },
    });
    expect(after?.tokenSet?.refreshToken?.reveal()).not.toBe(before?.tokenSet?.refreshToken?.reveal());
    expect(world.notices.at(-1)).toMatchObject({ kind: "replaced", progress: false });
  });
});
