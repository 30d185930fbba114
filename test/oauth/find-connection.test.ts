import { describe, expect, test } from "vitest";
import { ConnectionFinder } from "../../functions/oauth/find-connection.ts";
import { connectionId } from "../support/registration.ts";
import { startWorld } from "../support/world.ts";

const ids = (...names: string[]) => new Set(names.map(connectionId));

describe("a connection is found", () => {
  test("by username and scope, from its secret while the table knows nothing of it, and then from memory", async () => {
    const world = await startWorld();
    const shop = world.register("shop");
    const finder = new ConnectionFinder(world.ports);
    const find = () => finder.find(ids("shop"), { username: "admin_shop", scope: "shop" });

    expect([await find(), await find(), await find()]).toEqual(["", "", ""].map(() => ({ connection: shop })));
    expect(world.asked()).toEqual({ secrets: 1, exchanges: 0, refreshes: 0 });
  });

  test("by username and scope, from the table once it has a token, without its secret", async () => {
    const world = await startWorld();
    const shop = world.register("shop");
    await world.service().get(shop, { minTtl: 60 });
    const before = world.asked();

    const found = await new ConnectionFinder(world.ports).find(ids("shop"), { username: "admin_shop", scope: "shop" });

    expect(found).toEqual({ connection: shop });
    expect(world.asked()).toEqual(before);
  });

  test("by its new name five minutes after it was registered under another", async () => {
    const world = await startWorld();
    const shop = world.register("shop");
    const finder = new ConnectionFinder(world.ports);
    const find = (username: string) => finder.find(ids("shop"), { username, scope: "shop" });
    await find("admin_shop");
    world.register("shop", { username: "new_shop" });

    world.clock.advance(299);
    const early = [await find("admin_shop"), await find("new_shop")];
    world.clock.advance(1);
    const late = [await find("admin_shop"), await find("new_shop")];

    expect(early).toEqual([{ connection: shop }, expect.objectContaining({ error: "invalid_scope" })]);
    expect(late).toEqual([expect.objectContaining({ error: "invalid_scope" }), { connection: shop }]);
  });

  test("beside others that are not registered, or not well", async () => {
    const world = await startWorld();
    const shop = world.register("shop");
    world.putSecret("broken", "{");

    const found = await new ConnectionFinder(world.ports).find(ids("nobody", "broken", "shop"), {
      username: "admin_shop",
      scope: "shop",
    });

    expect(found).toEqual({ connection: shop });
  });

  test("by the vendor's scope alone, unless it is that of two", async () => {
    const world = await startWorld();
    const shop = world.register("shop");
    world.register("shop-2", { scope: "shared" });
    world.register("shop-3", { scope: "shared" });
    const finder = new ConnectionFinder(world.ports);
    const all = ids("shop", "shop-2", "shop-3");

    expect(await finder.find(all, { scope: "shop" })).toEqual({ connection: shop });
    expect(await finder.find(all, { scope: "shared" })).toEqual({
      error: "invalid_scope",
      description: expect.stringContaining("more than one"),
    });
  });
});

describe("no connection is found", () => {
  test.each([
    ["without a name, of a caller with two", ids("a", "b"), {}],
    ["without a name, of a caller with none", ids(), {}],
    ["by the name of one that is not the caller's", ids("a"), { scope: "shop" }],
  ])("%s", async (_, allowed, name) => {
    const world = await startWorld();
    world.register("shop");

    expect(await new ConnectionFinder(world.ports).find(allowed, name)).toMatchObject({ error: "invalid_scope" });
  });

  test.each([
    [
      "the table",
      async (world: Awaited<ReturnType<typeof startWorld>>) => ({ ...world.ports, table: world.unreachable() }),
    ],
    [
      "the secrets",
      async (world: Awaited<ReturnType<typeof startWorld>>) => {
        world.secrets.faults.set("GetSecretValue", "AccessDeniedException");
        return world.ports;
      },
    ],
  ])("while %s cannot be asked, and that is passing", async (_, broken) => {
    const world = await startWorld();
    world.register("shop");
    const ports = await broken(world);

    expect(await new ConnectionFinder(ports).find(ids("shop"), { username: "a", scope: "shop" })).toMatchObject({
      error: "temporarily_unavailable",
      failure: { code: "unavailable", retryAfter: expect.any(Number) },
    });
  });
});
