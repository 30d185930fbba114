import { expect, it } from "vitest";
import { replace } from "../../functions/auth-core/use-cases/replace.ts";
import { startWorld } from "../support/world.ts";

it("a replacement that is not needed any more under its lease calls nobody and gives the lease back", async () => {
  const world = await startWorld();
  const connection = world.register("webapicorso");
  await world.service().get(connection, { minTtl: 60 });
  const before = world.asked();

  const outcome = await replace(world.ports, connection, { generation: 1, failures: 0 }, () => false);

  expect(outcome).toMatchObject({ kind: "already_replaced", item: { generation: 1 } });
  expect(world.asked()).toEqual(before);
  expect(await world.ports.table.read(connection, "strong")).not.toHaveProperty("leaseOwner");
});

it("a replacement that saw the item before another one moved it takes no lease and calls nobody", async () => {
  const world = await startWorld();
  const connection = world.register("webapicorso");
  await world.service().get(connection, { minTtl: 60 });
  const before = world.asked();

  const outcome = await replace(world.ports, connection, { generation: 0, failures: 0 }, () => true);

  expect(outcome).toEqual({ kind: "conflict" });
  expect(world.asked()).toEqual(before);
});

it("a warning names a field that nobody knows, without its value", async () => {
  const world = await startWorld();
  const connection = world.register("webapicorso", { color: "fake-key-1" });

  await world.service().get(connection, { minTtl: 60 });

  expect(world.notices).toContainEqual({
    kind: "registration_warning",
    connection,
    warning: expect.stringContaining("color"),
  });
  expect(JSON.stringify(world.notices)).not.toContain("fake-key-1");
});
