import { describe, expect, it } from "vitest";
import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import type { Ports } from "../../functions/auth-core/use-cases/ports.ts";
import { connectionId } from "../support/registration.ts";
import { startSteppedWorld } from "./stepped-world.ts";
import { startWithToken } from "./stored-token.ts";

const requirements = { minTtl: 60 };
const lateToken = new Secret("fake-access-late");

describe("the item is read consistently before every error", () => {
  it.each(["unknown", "not ready", "unavailable"])("one about a registration that is %s", async (state) => {
    const world = await startSteppedWorld();
    const connection = connectionId("webapicorso");
    // The reading finds nothing usable, and by the time it is told another environment has committed.
    const registrations: Ports["registrations"] = {
      async read() {
        world.register("webapicorso");
        await world.service().get(connection, requirements);
        if (state === "unavailable") throw new UnavailableError("fake: away");
        return state === "unknown" ? { kind: "unknown" } : { kind: "not_ready", detail: "fake" };
      },
    };

    const answer = await world.service({ registrations }).get(connection, requirements);

    expect(answer).toMatchObject({ kind: "token", generation: 1, source: "table" });
  });

  it("one about upstream", async () => {
    const { connection, clock, ...world } = await startWithToken();
    clock.advance(3600);
    const upstream: Ports["upstream"] = {
      async call() {
        clock.advance(16);
        await world.service().get(connection, requirements);
        return { kind: "temporary", reason: "fake", rateLimited: true };
      },
    };

    const answer = await world.service({ upstream }).get(connection, requirements);

    expect(answer).toMatchObject({ kind: "token", generation: 2, source: "table" });
  });
});

it("the memory of unknown connections is asked only after the table said that there is no item", async () => {
  const world = await startSteppedWorld();
  const service = world.service();
  const connection = connectionId("webapicorso");
  await service.get(connection, requirements);
  world.register("webapicorso");
  await world.service().get(connection, requirements);

  const answer = await service.get(connection, requirements);

  expect(answer).toMatchObject({ kind: "token", source: "table" });
});

describe("every write of a replacement is conditioned on lease owner and generation", () => {
  /** An upstream in whose call the lease runs out, another environment commits, and `then` is what is left to write. */
  async function startOvertaken(then: () => ReturnType<Ports["upstream"]["call"]>) {
    const world = await startWithToken();
    world.clock.advance(3600);
    let isOvertaken = false;
    const upstream: Ports["upstream"] = {
      async call(...asked) {
        if (isOvertaken) return world.ports.upstream.call(...asked);
        isOvertaken = true;
        world.clock.advance(16);
        await world.service().get(world.connection, requirements);
        return then();
      },
    };
    await world.service({ upstream }).get(world.connection, requirements);
    return { ...world, stored: await world.item() };
  }

  it("so a late failure is not written over the winner's commit", async () => {
    const { stored } = await startOvertaken(async () => ({ kind: "temporary", reason: "fake", rateLimited: true }));

    expect(stored).toMatchObject({ generation: 2, failures: 0 });
    expect(stored).not.toHaveProperty("retryAt");
  });

  it("so an older token is not written over a newer one", async () => {
    const { stored } = await startOvertaken(async () => {
      const sentAt = 1_800_003_600;
      return { kind: "tokens", tokens: { accessToken: lateToken, sentAt, lifetime: 9000 } };
    });

    expect(stored).toMatchObject({ generation: 2 });
    expect(stored?.tokenSet?.accessToken.equals(lateToken)).toBe(false);
  });

  it.each([
    ["another owner", { owner: "other", generation: 1 }],
    ["another generation", { owner: "owner", generation: 0 }],
  ])("so the table refuses it to %s", async (_, fence) => {
    const { connection, ports, item, clock } = await startWithToken();
    const now = clock.now();
    const leased = await ports.table.takeLease(connection, {
      expected: await item(),
      owner: "owner",
      now,
      until: now + 15,
    });

    const written = await ports.table.write({ ...leased!, failures: 1 }, fence);

    expect(written).toBe(false);
    expect(await item()).toEqual(leased);
  });
});

it("that the refresh grant failed in passing is stored in the item: exchange next time, wherever that is", async () => {
  const { connection, item, clock, ...world } = await startWithToken();
  clock.advance(3600);
  world.simulator.setScenario({ mode: "error" });
  await world.service().get(connection, requirements);
  const remembered = await item();
  world.simulator.setScenario({ mode: "ok" });
  clock.advance(10);

  const answer = await world.service().get(connection, requirements);

  expect(remembered).toMatchObject({ skipRefresh: true });
  expect(answer).toMatchObject({ kind: "token", set: { obtainedBy: "api_key" } });
  expect(world.asked().refreshes).toBe(1);
});

it("erasing happens only under the lease, raises the generation and clears the lease", async () => {
  const { connection, ports, item, clock, ...world } = await startWithToken();
  clock.advance(3600);
  world.deleteSecret(connection);
  const now = clock.now();
  await ports.table.takeLease(connection, { expected: await item(), owner: "other", now, until: now + 5 });

  const during = await world.sweep(connection);
  const untouched = await item();
  clock.advance(5);
  const after = await world.sweep(connection);

  expect([during, after]).toMatchObject([{ erased: 0 }, { erased: 1 }]);
  expect(untouched).toMatchObject({ generation: 1, tokenSet: {} });
  expect(await item()).toMatchObject({ generation: 2 });
  for (const gone of ["tokenSet", "leaseOwner", "leaseUntil"]) expect(await item()).not.toHaveProperty(gone);
});

describe.each([
  ["a refusal", "refused"],
  ["a registration that is not ready", "not ready"],
])("in a backoff after %s", (_, state) => {
  it.each([
    ["GET", requirements],
    ["POST", { minTtl: 0, rejectedSha256: "0".repeat(64) }],
  ])("%s looks at the registration once a minute per connection", async (_method, asking) => {
    const world = await startSteppedWorld();
    const connection = world.register("webapicorso");
    await world.service().get(connection, requirements);
    world.clock.advance(3600);
    if (state === "refused") {
      world.simulator.revokeKey("fake-key-1");
      world.simulator.setScenario({ mode: "refused", on: "refresh" });
    } else world.putSecret("webapicorso", "{}");
    await world.service().get(connection, requirements);

    const before = world.asked().secrets;
    for (let second = 0; second < 120; second += 1) {
      await world.service().get(connection, asking);
      world.clock.advance(1);
    }
    const looks = world.asked().secrets - before;
    world.register("webapicorso", { apiKey: "fake-key-2" });
    const mended = await world.service().get(connection, asking);

    expect(looks).toBe(2);
    expect(mended).toMatchObject({ kind: "token", generation: 2 });
  });
});
