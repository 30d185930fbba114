import { expect, it } from "vitest";
import type { Ports } from "../../functions/auth-core/use-cases/ports.ts";
import { connectionId } from "../support/registration.ts";
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
