import { describe, expect, it } from "vitest";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import { commitMargin, leaseSeconds, upstreamSeconds } from "../../functions/auth-core/use-cases/lease.ts";
import type { Scenario } from "../../local/simulator/scenario.ts";
import { around } from "../../fixtures/around.ts";
import { startWithToken } from "../support/world.ts";

const requirements = { minTtl: 60 };

/** A world whose stored access token has expired, while its refresh token is valid. */
async function startWithExpired(scenario: Partial<Scenario> = {}) {
  const world = await startWithToken(scenario);
  world.clock.advance(3600);
  return { ...world, get: () => world.service().get(world.connection, requirements) };
}

describe("a replacement", () => {
  it("makes a refresh-token request first, and no API-key request if that succeeds", async () => {
    const { get, callCounts } = await startWithExpired();

    expect(await get()).toMatchObject({ source: "upstream", generation: 2, set: { obtainedBy: "refresh_token" } });
    expect(callCounts()).toMatchObject({ exchanges: 1, refreshes: 1 });
  });

  it.each<[Scenario["mode"], string]>([
    ["refused", "rejected (HTTP 401)"],
    ["malformed", "unrecognised response: "],
    ["unavailable", "HTTP 503"],
  ])("makes an API-key request at once after a refresh-token request with the scenario %s", async (mode, reason) => {
    const { get, simulator, callCounts, notices } = await startWithExpired();
    simulator.setScenario({ mode, on: "refresh" });

    expect(await get()).toMatchObject({ generation: 2, set: { obtainedBy: "api_key" } });
    expect(callCounts()).toMatchObject({ exchanges: 2, refreshes: 1 });
    expect(notices).toContainEqual({
      kind: "refresh_failed",
      connection: "webapicorso",
      reason: expect.stringContaining(reason),
    });
  });

  it("makes an API-key request at once after a refresh-token request that returns an expired token", async () => {
    const { connection, clock, notices, ...world } = await startWithExpired();
    const tokens = { accessToken: new Secret("fake-access-2"), sentAt: clock.now(), lifetime: 0 };
    const upstream = world.upstreamAfter(async (grant) =>
      grant === "refresh_token" ? { kind: "tokens", tokens } : undefined,
    );

    const answer = await world.service({ upstream }).get(connection, requirements);

    expect(answer).toMatchObject({ generation: 2, set: { obtainedBy: "api_key" } });
    expect(notices).toContainEqual({ kind: "refresh_failed", connection, reason: "unusable token" });
  });

  it("makes no API-key request after a refresh-token request that meets a rate limit", async () => {
    const { get, simulator, callCounts } = await startWithExpired();
    simulator.setScenario({ mode: "rate_limited", on: "refresh", retryAfter: 30 });

    expect(await get()).toMatchObject({ failure: { code: "upstream_unavailable", retryAfter: 30 } });
    expect(callCounts()).toMatchObject({ exchanges: 1, refreshes: 1 });
  });

  it("leaves the API-key request to the next attempt if it would outlast the lease", async () => {
    const { get, connection, clock, ...world } = await startWithExpired();
    world.simulator.setScenario({ mode: "unavailable", on: "refresh" });
    const slow = around(world.ports.upstream, async (call) => {
      const answer = await call();
      clock.advance(leaseSeconds - commitMargin - upstreamSeconds + 0.1);
      return answer;
    });

    const first = await world.service({ upstream: slow }).get(connection, requirements);
    clock.advance(5);
    const second = await get();

    expect(first).toMatchObject({ failure: { code: "upstream_unavailable" } });
    expect(second).toMatchObject({ set: { obtainedBy: "api_key" } });
    expect(world.callCounts()).toMatchObject({ exchanges: 2, refreshes: 1 });
  });

  it("keeps no refresh token that Smart Services rejected, and one whose request failed otherwise", async () => {
    const kept: unknown[] = [];
    for (const mode of ["refused", "unavailable"] as const) {
      const { connection, clock, simulator, item, ...world } = await startWithExpired();
      simulator.setScenario({ mode, on: "refresh" });
      // The response to the API key has no refresh token.
      const tokens = { accessToken: new Secret("fake-access-2"), sentAt: clock.now(), lifetime: 3600 };
      const upstream = world.upstreamAfter(async (grant) =>
        grant === "api_key" ? { kind: "tokens", tokens } : undefined,
      );
      await world.service({ upstream }).get(connection, requirements);
      kept.push((await item())?.tokenSet?.refreshToken !== undefined);
    }

    expect(kept).toEqual([false, true]);
  });

  it("makes an API-key request with the new key if another key is registered", async () => {
    const { get, simulator, callCounts, ...world } = await startWithExpired();
    world.register("webapicorso", { apiKey: "fake-key-2" });

    await get();

    expect(callCounts()).toMatchObject({ exchanges: 2, refreshes: 0 });
    expect(simulator.requests.at(-1)?.fields.at(-1)?.value).toBe("Bearer fake-key-2");
  });
});
