import { describe, expect, test } from "vitest";
import { ConnectionFinder } from "../../functions/oauth/find-connection.ts";
import { connectionId } from "../support/registration.ts";
import { startWorld, type World } from "../support/world.ts";

const ids = (...names: string[]) => new Set(names.map(connectionId));
const shopName = { username: "admin_shop", scope: "shop" };
const invalidScope = expect.objectContaining({ error: "invalid_scope" });
const found = (connection: string) => ({ kind: "found", connection });

describe("ConnectionFinder finds a connection", () => {
  test("by username and scope: first from its secret, then from memory", async () => {
    const world = await startWorld();
    world.register("shop");
    const finder = new ConnectionFinder(world.ports);
    const find = () => finder.find(ids("shop"), shopName);

    expect([await find(), await find(), await find()]).toEqual(Array(3).fill(found("shop")));
    expect(world.callCounts()).toEqual({ secrets: 1, exchanges: 0, refreshes: 0 });
  });

  test("by username and scope: from the table once it has a token, without reading its secret", async () => {
    const world = await startWorld();
    const shop = world.register("shop");
    await world.service().get(shop, { minTtl: 60 });
    const before = world.callCounts();

    expect(await new ConnectionFinder(world.ports).find(ids("shop"), shopName)).toEqual(found("shop"));
    expect(world.callCounts()).toEqual(before);
  });

  test("by a new username five minutes after it remembered the old one", async () => {
    const world = await startWorld();
    world.register("shop");
    const finder = new ConnectionFinder(world.ports);
    const find = (username: string) => finder.find(ids("shop"), { username, scope: "shop" });
    await find("admin_shop");
    world.register("shop", { username: "new_shop" });

    world.clock.advance(299);
    const early = [await find("admin_shop"), await find("new_shop")];
    world.clock.advance(1);
    const late = [await find("admin_shop"), await find("new_shop")];

    expect(early).toEqual([found("shop"), invalidScope]);
    expect(late).toEqual([invalidScope, found("shop")]);
  });

  test("although another has no registration and a third an invalid one", async () => {
    const world = await startWorld();
    world.register("shop");
    world.putSecret("broken", "{");
    const finder = new ConnectionFinder(world.ports);

    expect(await finder.find(ids("nobody", "broken", "shop"), shopName)).toEqual(found("shop"));
  });

  test("by the vendor's scope alone, unless two connections have it", async () => {
    const world = await startWorld();
    world.register("shop");
    world.register("shop-2", { scope: "shared" });
    world.register("shop-3", { scope: "shared" });
    const finder = new ConnectionFinder(world.ports);
    const all = ids("shop", "shop-2", "shop-3");

    expect(await finder.find(all, { scope: "shop" })).toEqual(found("shop"));
    expect(await finder.find(all, { scope: "shared" })).toMatchObject({
      error: "invalid_scope",
      description: expect.stringContaining("More than one"),
    });
  });
});

describe("ConnectionFinder finds no connection", () => {
  test.each([
    ["without a name, if the caller has two", ids("a", "b"), {}],
    ["without a name, if the caller has none", ids(), {}],
    ["by the name of another caller's connection", ids("a"), { scope: "shop" }],
  ])("%s", async (_, allowed, name) => {
    const world = await startWorld();
    world.register("shop");

    expect(await new ConnectionFinder(world.ports).find(allowed, name)).toEqual(invalidScope);
  });

  test.each<[string, (world: World) => World["ports"]]>([
    ["the table", (world) => ({ ...world.ports, table: world.unreachable() })],
    [
      "the secret store",
      (world) => {
        world.secrets.faults.set("GetSecretValue", "AccessDeniedException");
        return world.ports;
      },
    ],
  ])("while %s does not answer: the error is temporary", async (_, broken) => {
    const world = await startWorld();
    world.register("shop");

    expect(await new ConnectionFinder(broken(world)).find(ids("shop"), shopName)).toMatchObject({
      error: "temporarily_unavailable",
      failure: { code: "unavailable", retryAfter: expect.any(Number) },
    });
  });
});
