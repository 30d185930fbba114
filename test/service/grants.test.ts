import { describe, expect, it } from "vitest";
import { sha256Hex } from "../../functions/auth-core/rules/fingerprint.ts";
import type { Scenario } from "../../local/simulator/scenario.ts";
import { startWorld } from "../support/world.ts";

const requirements = { minTtl: 60 };

/** A world whose stored token has expired, with its refresh token alive. */
async function startWithExpired(scenario: Partial<Scenario> = {}) {
  const world = await startWorld(scenario);
  const connection = world.register("webapicorso");
  await world.service().get(connection, requirements);
  world.clock.advance(3600);
  return { ...world, connection };
}

describe("a replacement", () => {
  it("tries the refresh grant first, and no exchange where it works", async () => {
    const { connection, ...world } = await startWithExpired();

    const answer = await world.service().get(connection, requirements);

    expect(answer).toMatchObject({ source: "upstream", generation: 2, set: { obtainedBy: "refresh_token" } });
    expect(world.asked()).toMatchObject({ exchanges: 1, refreshes: 1 });
  });

  it.each<[string, Partial<Scenario>]>([
    ["is refused", { mode: "refused" }],
    ["is malformed", { mode: "malformed" }],
    ["times out", { mode: "hang" }],
    ["breaks", { mode: "reset" }],
    ["answers 503", { mode: "unavailable" }],
  ])("falls back to the exchange at once where the grant %s", async (_case, scenario) => {
    const { connection, ...world } = await startWithExpired();
    world.simulator.setScenario({ ...scenario, on: "refresh" });

    const answer = await world.service().get(connection, requirements);

    expect(answer).toMatchObject({ generation: 2, set: { obtainedBy: "api_key" } });
    expect(world.asked()).toMatchObject({ exchanges: 2, refreshes: 1 });
  });

  it("does not fall back where the grant is told to slow down", async () => {
    const { connection, ...world } = await startWithExpired();
    world.simulator.setScenario({ mode: "rate_limited", on: "refresh", retryAfter: 30 });

    const answer = await world.service().get(connection, requirements);

    expect(answer).toMatchObject({ failure: { code: "upstream_unavailable", retryAfter: 30 } });
    expect(world.asked()).toMatchObject({ exchanges: 1, refreshes: 1 });
  });

  it("remembers in the item that the grant failed: the next attempt, anywhere, starts with the exchange", async () => {
    const { connection, ...world } = await startWithExpired();
    world.simulator.setScenario({ mode: "unavailable" });
    await world.service().get(connection, requirements);
    world.simulator.setScenario({ mode: "ok" });
    world.clock.advance(5);

    const answer = await world.service().get(connection, requirements);

    expect(answer).toMatchObject({ set: { obtainedBy: "api_key" } });
    expect(world.asked()).toMatchObject({ exchanges: 3, refreshes: 1 });
  });

  it("leaves the exchange to the next attempt where it would outlast the lease", async () => {
    const { connection, ...world } = await startWithExpired();
    const { upstream } = world.ports;
    const slow: typeof upstream = {
      async call(request, registration) {
        const answer = await upstream.call(request, registration);
        world.clock.advance(7.1);
        return answer;
      },
    };
    world.simulator.setScenario({ mode: "unavailable", on: "refresh" });

    const first = await world.service({ upstream: slow }).get(connection, requirements);
    world.clock.advance(5);
    const second = await world.service().get(connection, requirements);

    expect(first).toMatchObject({ failure: { code: "upstream_unavailable" } });
    expect(second).toMatchObject({ set: { obtainedBy: "api_key" } });
    expect(world.asked()).toMatchObject({ exchanges: 2, refreshes: 1 });
  });

  it("keeps a refresh token where a grant brings no new one", async () => {
    const { connection, ...world } = await startWithExpired({ rotateRefresh: false });
    const before = await world.ports.table.read(connection, "strong");

    await world.service().get(connection, requirements);

    const after = await world.ports.table.read(connection, "strong");
    expect(after?.tokenSet?.refreshToken?.reveal()).toBe(before?.tokenSet?.refreshToken?.reveal());
    expect(after?.tokenSet?.refreshTokenExpiresAt).toBe(before?.tokenSet?.refreshTokenExpiresAt);
  });

  it("exchanges where another key was registered", async () => {
    const { connection, ...world } = await startWithExpired();
    world.register("webapicorso", { apiKey: "fake-key-2" });

    await world.service().get(connection, requirements);

    expect(world.asked()).toMatchObject({ exchanges: 2, refreshes: 0 });
    expect(world.simulator.requests.at(-1)?.fields.at(-1)?.value).toBe("Bearer fake-key-2");
  });

  it("exchanges where the refresh token has under two days left", async () => {
    const { connection, ...world } = await startWithExpired({ refreshLifetime: 2 * 86_400 + 3600 });

    await world.service().get(connection, requirements);

    expect(world.asked()).toMatchObject({ exchanges: 2, refreshes: 0 });
  });
});

describe("a rejected token", () => {
  const rejecting = (token: string) => ({ minTtl: 0, rejectedSha256: sha256Hex(token) });

  async function startWithToken(scenario: Partial<Scenario> = {}) {
    const world = await startWorld(scenario);
    const connection = world.register("webapicorso");
    const service = world.service();
    const answer = await service.get(connection, requirements);
    if (answer.kind !== "token") throw new Error(answer.failure.detail);
    return { ...world, connection, service, token: answer.set.accessToken.reveal() };
  }

  it("is never answered, not from memory either: another is fetched", async () => {
    const { connection, service, token, clock } = await startWithToken();
    clock.advance(30);

    const answer = await service.get(connection, rejecting(token));

    expect(answer).toMatchObject({ source: "upstream", generation: 2 });
    expect(answer.kind === "token" && answer.set.accessToken.reveal()).not.toBe(token);
  });

  it("that is not the stored one costs no upstream call", async () => {
    const { connection, service, ...world } = await startWithToken();

    const answer = await service.get(connection, rejecting("fake-access-of-yesterday"));

    expect(answer).toMatchObject({ kind: "token", source: "table", generation: 1 });
    expect(world.asked()).toMatchObject({ exchanges: 1, refreshes: 0 });
  });

  it("is too soon within 30 s of the last attempt", async () => {
    const { connection, service, token, clock, ...world } = await startWithToken();
    clock.advance(29);

    const answer = await service.get(connection, rejecting(token));

    expect(answer).toMatchObject({ failure: { code: "too_soon", retryAfter: 1 } });
    expect(world.asked()).toMatchObject({ exchanges: 1, refreshes: 0 });
  });

  it("is too soon in a backoff", async () => {
    const { connection, service, token, clock, simulator } = await startWithToken();
    simulator.setScenario({ mode: "rate_limited", retryAfter: 100 });
    clock.advance(2400);
    await service.get(connection, { minTtl: 1300 });
    clock.advance(60);

    expect(await service.get(connection, rejecting(token))).toMatchObject({
      failure: { code: "too_soon", retryAfter: 40 },
    });
  });

  it("that upstream returns by both grants is unavailable, and stays what others are served", async () => {
    const { connection, service, token, clock, ...world } = await startWithToken({ sameToken: true });
    clock.advance(30);

    const answer = await service.get(connection, rejecting(token));

    expect(answer).toMatchObject({ failure: { code: "upstream_unavailable" } });
    expect(world.asked()).toMatchObject({ exchanges: 2, refreshes: 1 });
    expect(await service.get(connection, requirements)).toMatchObject({ kind: "token", generation: 1 });
  });
});
