import { describe, expect, it } from "vitest";
import { connectionNotReady } from "../../functions/auth-core/rules/failure.ts";
import type { RegistrationStore } from "../../functions/auth-core/use-cases/ports.ts";
import { connectionId } from "../support/registration.ts";
import { startWorld, type World } from "../support/world.ts";

const requirements = { minTtl: 60 };
const anHour = 3600;

/** The connection's item with its token expired, or not yet. */
async function startWithToken(elapsed: number) {
  const world = await startWorld();
  const connection = world.register("webapicorso");
  await world.service().get(connection, requirements);
  world.clock.advance(elapsed);
  return { ...world, connection };
}

const codeOf = (answer: Awaited<ReturnType<ReturnType<World["service"]>["get"]>>) =>
  answer.kind === "failure" ? answer.failure.code : answer.kind;

describe("a connection without a usable registration", () => {
  it("is unknown for 30 s without another look, and then asked for again; no item is made", async () => {
    const world = await startWorld();
    const service = world.service();
    const connection = connectionId("webapicorso");

    const first = await service.get(connection, requirements);
    world.register("webapicorso");
    world.clock.advance(29.999);
    const remembered = await service.get(connection, requirements);
    const looks = world.asked().secrets;
    const item = await world.table.raw(connection);
    world.clock.advance(0.001);
    const found = await service.get(connection, requirements);

    expect([first, remembered, found].map(codeOf)).toEqual(["unknown_connection", "unknown_connection", "token"]);
    expect(looks).toBe(1);
    expect(item).toBeUndefined();
  });

  it("is not ready for 30 s without another look, with the field named; no item is made", async () => {
    const world = await startWorld();
    const service = world.service();
    const connection = connectionId("webapicorso");
    world.putSecret("webapicorso", '{"username":"admin_webapicorso"}');

    const answers = [await service.get(connection, requirements), await service.get(connection, requirements)];

    const failure = connectionNotReady("the secret has no field scope");
    expect(answers).toMatchObject([{ failure }, { failure }]);
    expect(world.asked().secrets).toBe(1);
    expect(await world.table.raw(connection)).toBeUndefined();
  });

  it("is served all the same once another environment has stored a token", async () => {
    const world = await startWorld();
    const service = world.service();
    const connection = connectionId("webapicorso");
    await service.get(connection, requirements);
    world.register("webapicorso");
    await world.service().get(connection, requirements);

    expect(await service.get(connection, requirements)).toMatchObject({ kind: "token", source: "table" });
  });

  it("is unavailable where Secrets Manager does not answer, which is not remembered", async () => {
    const world = await startWorld();
    const service = world.service();
    const connection = world.register("webapicorso");
    world.secrets.faults.set("GetSecretValue", "AccessDeniedException", 1);

    const failed = await service.get(connection, requirements);
    const found = await service.get(connection, requirements);

    expect(failed).toMatchObject({ failure: { code: "unavailable", retryAfter: 1 } });
    expect(found).toMatchObject({ kind: "token" });
    expect(world.notices).toContainEqual(expect.objectContaining({ kind: "secrets_unavailable" }));
  });
});

describe("a registration that was mended", () => {
  it("ends the backoff of a refused key within a minute, looked at once a minute", async () => {
    const world = await startWorld();
    const connection = world.register("webapicorso", { apiKey: "fake-key-1" });
    world.simulator.revokeKey("fake-key-1");
    const refused = await world.service().get(connection, requirements);

    // The first look comes with the next request, and finds nothing new; the next ones are free.
    const unmended = await world.service().get(connection, requirements);
    const looks = world.asked().secrets;
    world.register("webapicorso", { apiKey: "fake-key-2" });
    world.clock.advance(59);
    const unreadable = await world.service().get(connection, requirements);
    const looksTillThen = world.asked().secrets;
    world.clock.advance(1);
    const mended = await world.service().get(connection, requirements);

    expect([refused, unmended, unreadable, mended].map(codeOf)).toEqual([
      "credentials_rejected",
      "credentials_rejected",
      "credentials_rejected",
      "token",
    ]);
    expect(looksTillThen).toBe(looks);
    expect(world.simulator.counts.exchange).toBe(2);
  });

  it("ends the backoff of a secret that was not ready", async () => {
    const world = await startWithToken(anHour);
    world.putSecret("webapicorso", "{}");
    const broken = await world.service().get(world.connection, requirements);
    world.register("webapicorso");

    const mended = await world.service().get(world.connection, requirements);

    expect(broken).toMatchObject({ failure: { code: "connection_not_ready" } });
    expect(mended).toMatchObject({ kind: "token", generation: 2 });
  });
});

describe("a secret that was deleted while a token is stored", () => {
  it("changes nothing for callers until the next replacement", async () => {
    const world = await startWithToken(1800);
    world.deleteSecret(world.connection);

    expect(await world.service().get(world.connection, requirements)).toMatchObject({ kind: "token", source: "table" });
  });

  it("erases the tokens at the next replacement, raises the generation, and keeps its key until that may go", async () => {
    const world = await startWithToken(anHour);
    world.deleteSecret(world.connection);

    const answer = await world.service().get(world.connection, requirements);

    expect(answer).toMatchObject({ failure: { code: "unknown_connection" } });
    expect(world.notices.at(-1)).toMatchObject({ kind: "registration_gone" });
    expect(Object.keys((await world.table.raw(world.connection)) ?? {}).toSorted()).toEqual([
      "connection",
      "failures",
      "generation",
      "lastError",
      "nextActionAt",
      "partition",
      "retiringKeys",
    ]);
    expect(await world.ports.table.read(world.connection, "strong")).toMatchObject({ generation: 2 });
    // Seven days and a minute later no token of its key can be alive.
    const { nextActionAt } = (await world.ports.table.read(world.connection, "strong")) ?? {};
    expect(nextActionAt).toBeCloseTo(world.clock.now() + 7 * 86_400 + 60, 0);
  });

  it("works again once it is registered again", async () => {
    const world = await startWithToken(anHour);
    world.deleteSecret(world.connection);
    const service = world.service();
    await service.get(world.connection, requirements);
    world.restoreSecret(world.connection);

    const soon = await service.get(world.connection, requirements);
    world.clock.advance(30);
    const later = await service.get(world.connection, requirements);

    expect(soon).toMatchObject({ failure: { code: "unknown_connection" } });
    expect(later).toMatchObject({ kind: "token", source: "upstream", generation: 3, set: { obtainedBy: "api_key" } });
    expect(world.simulator.counts.refresh).toBe(0);
  });

  it("fences off a commit that is in flight: the tokens do not come back", async () => {
    const world = await startWithToken(anHour);
    const { registrations, table } = world.ports;
    let dueToErase = true;
    // While the first replacement reads the registration, its lease runs out, the secret goes and another erases.
    const overtaken: RegistrationStore = {
      async read(connection) {
        const reading = await registrations.read(connection);
        if (dueToErase) {
          dueToErase = false;
          world.clock.advance(16);
          world.deleteSecret(connection);
          await world.service().get(connection, requirements);
        }
        return reading;
      },
    };

    await world.service({ registrations: overtaken }).get(world.connection, requirements);

    expect(await table.read(world.connection, "strong")).not.toHaveProperty("tokenSet");
  });

  it("is forgotten by an environment that learns of it, so that no outage of the table brings its token back", async () => {
    const world = await startWithToken(0);
    let isDown = false;
    const { table } = world.ports;
    const read: typeof table.read = (...asked) => (isDown ? world.unreachable().read(...asked) : table.read(...asked));
    const service = world.service({ table: { ...table, read } });
    await service.get(world.connection, requirements);
    world.clock.advance(2400);
    world.deleteSecret(world.connection);
    await world.service().get(world.connection, { minTtl: 1800 });

    const told = await service.get(world.connection, requirements);
    isDown = true;
    const during = await service.get(world.connection, requirements);

    expect([told, during].map(codeOf)).toEqual(["unknown_connection", "unavailable"]);
  });
});
