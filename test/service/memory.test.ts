import { describe, expect, it } from "vitest";
import { sha256Hex } from "../../functions/auth-core/rules/fingerprint.ts";
import { memoryLifetime } from "../../functions/auth-core/rules/tokens/token-set.ts";
import type { Ports } from "../../functions/auth-core/use-cases/ports.ts";
import { around } from "../../fixtures/around.ts";
import { closedGate } from "../support/gate.ts";
import { connectionId } from "../../fixtures/registration.ts";
import { startWithToken, startWorld } from "../support/world.ts";

const requirements = { minTtl: 60 };
const ids = Array.from({ length: 1001 }, (_, index) => connectionId(`connection-${index}`));
const [first, second] = ids as [(typeof ids)[0], (typeof ids)[0]];

it("an environment remembers the last thousand unknown connections and no more", async () => {
  const world = await startWorld();
  let reads = 0;
  const registrations: Ports["registrations"] = { read: async () => ((reads += 1), { kind: "unknown" }) };
  const service = world.service({ registrations });
  for (const id of ids) await service.get(id, requirements);

  await service.get(second, requirements);
  const remembered = reads;
  await service.get(first, requirements);

  expect([remembered, reads]).toEqual([1001, 1002]);
});

it("an environment holds the tokens of the last thousand connections and no more", async () => {
  const { item, ...world } = await startWithToken();
  const stored = await item();
  const read: Ports["table"]["read"] = async (connection) => stored && { ...stored, connection };
  const service = world.service({ table: { ...world.ports.table, read } });
  for (const id of ids) await service.get(id, requirements);

  const answers = [await service.get(second, requirements), await service.get(first, requirements)];

  expect(answers).toMatchObject([{ source: "memory" }, { source: "table" }]);
});

it("an environment forgets the tokens that it has not read for longest", async () => {
  const { item, clock, set, ...world } = await startWithToken();
  const stored = await item();
  const read: Ports["table"]["read"] = async (connection) => stored && { ...stored, connection };
  const service = world.service({ table: { ...world.ports.table, read } });
  for (const id of ids.slice(0, -1)) await service.get(id, requirements);
  clock.advance(memoryLifetime(set) + 1);

  await service.get(first, requirements);
  await service.get(ids.at(-1) ?? first, requirements);

  expect(await service.get(first, requirements)).toMatchObject({ source: "memory" });
});

it("an environment keeps a newer token set when the response to an earlier read comes late", async () => {
  const { connection, set, ports, clock, ...world } = await startWithToken();
  const gate = closedGate();
  let isFirst = true;
  const table = around(ports.table, async (call, name) => {
    const result = await call();
    if (name === "read" && isFirst) {
      isFirst = false;
      await gate.pass();
    }
    return result;
  });
  const service = world.service({ table });
  clock.advance(60);
  const early = service.get(connection, requirements);
  await gate.reached;
  await service.get(connection, { minTtl: 0, rejectedSha256: sha256Hex(set.accessToken.reveal()) });

  gate.open();
  await early;

  expect(await service.get(connection, requirements)).toMatchObject({ source: "memory", generation: 2 });
});

describe("an environment that gets a slow response remembers it from the instant before the request", () => {
  it.each([{}, { singleActiveToken: true }])("of a commit: %j", async (fields) => {
    const { connection, clock, set, ...world } = await startWithToken({}, fields);
    clock.advance(3600);
    const table = around(world.ports.table, async (call, name) => {
      const written = await call();
      if (name === "write") clock.advance(3);
      return written;
    });
    const service = world.service({ table });
    const startedAt = clock.now();
    await service.get(connection, requirements);

    clock.advance(startedAt + memoryLifetime(set) - clock.now());
    const atItsEnd = await service.get(connection, requirements);
    clock.advance(0.001);

    expect([atItsEnd, await service.get(connection, requirements)]).toMatchObject([
      { source: "memory", generation: 2 },
      { source: "table", generation: 2 },
    ]);
  });

  it.each(["new", "deleted"])("of the missing registration of a %s connection", async (state) => {
    const world = await (state === "new" ? startWorld() : startWithToken());
    const { clock } = world;
    const connection = connectionId("webapicorso");
    if (state === "deleted") world.remove(connection);
    clock.advance(3600);
    const registrations = around(world.ports.registrations, async (call) => {
      const reading = await call();
      clock.advance(3);
      return reading;
    });
    const service = world.service({ registrations });
    const startedAt = clock.now();
    await service.get(connection, requirements);
    if (state === "deleted") world.restore(connection);
    else world.register("webapicorso");

    clock.advance(startedAt + 30 - clock.now() - 0.001);
    const remembered = await service.get(connection, requirements);
    clock.advance(0.001);

    expect(remembered).toMatchObject({ failure: { code: "unknown_connection" } });
    if (state === "new") expect(await world.item(connection)).toBeUndefined();
    expect(await service.get(connection, requirements)).toMatchObject({ kind: "token" });
  });
});
