import { describe, expect, it } from "vitest";
import type { BrokerEvent } from "../../functions/auth-core/rules/event.ts";
import type { Scenario } from "../../local/simulator/scenario.ts";
import { startWithToken, startWorld } from "../support/world.ts";

const requirements = { minTtl: 60 };

describe("a replacement that fails", () => {
  it.each<[string, Partial<Scenario>, object]>([
    ["a rate limit", { mode: "rate_limited", retryAfter: 60 }, { code: "upstream_unavailable", retryAfter: 60 }],
    ["a temporary failure", { mode: "unavailable" }, { code: "upstream_unavailable", retryAfter: 2.5 }],
    ["a malformed response", { mode: "malformed" }, { code: "upstream_malformed" }],
    ["a rejected key", { mode: "refused" }, { code: "credentials_rejected" }],
    ["a token that is too short-lived to be used", { lifetime: 5 }, { code: "upstream_unavailable" }],
  ])("because of %s is stored, and is the answer without a token", async (_, scenario, failure) => {
    const world = await startWorld();
    const connection = world.register("webapicorso");
    world.simulator.setScenario(scenario);

    const sent: string[] = [];
    const events = { put: async ({ kind }: BrokerEvent) => void sent.push(kind) };
    const answer = await world.service({ events }).get(connection, requirements);

    expect(answer).toMatchObject({ kind: "failure", failure });
    expect(sent).toEqual(scenario.mode === "refused" ? ["connection_rejected"] : []);
    expect(JSON.stringify([answer, world.notices])).not.toMatch(/fake-|eyJ/);
    expect(await world.item(connection)).toMatchObject({ generation: 0, failures: 1 });
  });

  it("because its registration cannot be read says one time to retry: when the broker does", async () => {
    const { connection, clock, item, ...world } = await startWithToken();
    clock.advance(3600);
    world.secrets.faults.set("GetSecretValue", "AccessDeniedException");

    const failed = await world.service().get(connection, requirements);
    const repeated = await world.service().get(connection, requirements);

    const cause = "The registration cannot be read: the secret store of the broker is unavailable.";
    const failure = { code: "unavailable", detail: `${cause} The broker retries in 3 s.`, retryAfter: 2.5 };
    expect([failed, repeated]).toMatchObject([{ failure }, { failure }]);
    expect(await item()).toMatchObject({ lastError: { code: "unavailable", detail: cause } });
  });

  it("backs off longer each time, and a success removes what was stored of the failures", async () => {
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
    const item = await world.item(connection);
    expect(item).toMatchObject({ generation: 1, failures: 0 });
    for (const gone of ["retryAt", "lastError", "skipRefresh"]) expect(item).not.toHaveProperty(gone);
  });

  it("backs off by a quarter at most of the remaining time of a valid token", async () => {
    const { connection, clock, item, ...world } = await startWithToken();
    clock.advance(3560);
    world.simulator.setScenario({ mode: "unavailable" });

    await world.sweep(connection, { random: () => 1 });
    clock.advance(5);
    await world.sweep(connection, { random: () => 1 });

    expect(await item()).toMatchObject({ failures: 2, retryAt: clock.now() + 35 / 4 });
  });
});

it.each<Partial<Scenario>>([{}, { mode: "refused", on: "refresh" }, { mode: "error" }])(
  "TokenService leaves no call open when it answers: scenario %j",
  async (scenario) => {
    const { connection, clock, ...world } = await startWithToken();
    world.simulator.setScenario(scenario);
    clock.advance(3600);

    await world.service().get(connection, requirements);

    expect(world.openCalls()).toBe(0);
  },
);

it("a replacement that returns the same token keeps generation and end, and is due again far later", async () => {
  const { connection, clock, item, ...world } = await startWithToken({ sameToken: true });
  const before = await item();
  clock.advance(2400);

  const answer = await world.service().get(connection, { minTtl: 1300 });

  const after = await item();
  const { obtainedAt, accessTokenExpiresAt } = before?.tokenSet ?? {};
  expect(answer).toMatchObject({ kind: "token", generation: 1 });
  expect(after).toMatchObject({ generation: 1, failures: 0, nextActionAt: clock.now() + 600 });
  expect(after).toMatchObject({ tokenSet: { obtainedAt, accessTokenExpiresAt } });
  expect(after?.tokenSet?.refreshToken?.reveal()).not.toBe(before?.tokenSet?.refreshToken?.reveal());
  expect(world.notices.at(-1)).toMatchObject({ kind: "replaced", progress: false });
});
