import { expect, it } from "vitest";
import type { Ports, RegistrationStore } from "../../functions/auth-core/use-cases/ports.ts";
import { connectionId } from "../support/registration.ts";
import { startWorld } from "../support/world.ts";

const requirements = { minTtl: 60 };

/** A table that has nothing, without a socket: a thousand reads of it are quick. */
const emptyTable = (table: Ports["table"]): Ports["table"] => ({ ...table, read: async () => undefined });

it("remembers of a thousand unknown connections and no more, the latest of them", async () => {
  const world = await startWorld();
  let looks = 0;
  const registrations: RegistrationStore = {
    async read() {
      looks += 1;
      return { kind: "unknown" };
    },
  };
  const service = world.service({ table: emptyTable(world.ports.table), registrations });
  const ids = Array.from({ length: 1001 }, (_, index) => connectionId(`unknown-${index}`));
  for (const id of ids) await service.get(id, requirements);

  await service.get(connectionId("unknown-1000"), requirements);
  await service.get(connectionId("unknown-1"), requirements);
  const remembered = looks;
  await service.get(connectionId("unknown-0"), requirements);

  expect([remembered, looks]).toEqual([1001, 1002]);
});

it("holds the tokens of a thousand connections and no more, the latest of them", async () => {
  const world = await startWorld();
  const connection = world.register("webapicorso");
  await world.service().get(connection, requirements);
  const item = await world.ports.table.read(connection, "strong");
  let reads = 0;
  const read: Ports["table"]["read"] = async (asked) => {
    reads += 1;
    return item && { ...item, connection: asked };
  };
  const service = world.service({ table: { ...world.ports.table, read } });
  const ids = Array.from({ length: 1001 }, (_, index) => connectionId(`held-${index}`));
  for (const id of ids) await service.get(id, requirements);

  const answers = [
    await service.get(connectionId("held-1"), requirements),
    await service.get(connectionId("held-0"), requirements),
  ];

  expect(answers).toMatchObject([{ source: "memory" }, { source: "table" }]);
  expect(reads).toBe(1002);
});
