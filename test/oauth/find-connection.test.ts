import { describe, expect, test } from "vitest";
import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import { ConnectionFinder } from "../../functions/oauth/use-cases/find-connection.ts";
import { around } from "../../fixtures/around.ts";
import { connectionId } from "../../fixtures/registration.ts";
import { startWorld, type World } from "../support/world.ts";

const ids = (...names: string[]) => new Set(names.map(connectionId));
const shopName = { username: "admin_shop", scope: "scope_shop" };
const invalidScope = expect.objectContaining({ error: "invalid_scope" });
const found = (connection: string) => ({ kind: "found", connection });
const saying = (text: string) =>
  expect.objectContaining({ error: "invalid_scope", description: expect.stringContaining(text) });

/** A world with the connection `shop`, and a finder whose reads are counted. */
async function startShop() {
  const world = await startWorld();
  world.register("shop", { scope: "scope_shop" });
  const { ports, reads } = counting(world);
  const register = (name: string, fields?: Record<string, unknown>) => world.register(name, fields);
  return { ...world, register, finder: new ConnectionFinder(ports), reads };
}

/** Ports whose reads are counted: queries of the index, and secrets. */
function counting({ ports }: World) {
  const counts = { names: 0, secrets: 0 };
  const counted =
    (name: keyof typeof counts) =>
    <Result>(call: () => Promise<Result>) => {
      counts[name] += 1;
      return call();
    };
  return {
    ports: {
      ...ports,
      names: around(ports.names, counted("names")),
      registrations: around(ports.registrations, counted("secrets")),
    },
    /** The reads since the last call. */
    reads: () => {
      const before = { ...counts };
      Object.assign(counts, none);
      return before;
    },
  };
}

const none = { names: 0, secrets: 0 };

describe("ConnectionFinder finds a connection", () => {
  test("by username and scope: first from its secret, then from memory for five minutes", async () => {
    const { finder, reads, clock } = await startShop();
    const find = () => finder.find(ids("shop"), shopName);

    const first = [await find(), await find(), await find()];
    const atFirst = reads();
    clock.advance(299);
    await find();
    const inFiveMinutes = reads();
    clock.advance(1);
    await find();

    expect(first).toEqual(Array(3).fill(found("shop")));
    expect(atFirst).toEqual({ names: 1, secrets: 1 });
    expect(inFiveMinutes).toEqual(none);
    expect(reads()).toEqual(atFirst);
  });

  test("no longer from memory after forget(), which forgets nothing else", async () => {
    const { finder, reads, register } = await startShop();
    register("other", { scope: "scope_other" });
    const findOthers = async () => {
      await finder.find(ids("other"), { scope: "scope_other" });
      await finder.find(ids("shop"), { scope: "nobody" });
    };
    await finder.find(ids("shop"), shopName);
    await findOthers();
    register("shop", { username: "new_shop" });
    finder.forget(connectionId("shop"));
    reads();

    await findOthers();
    expect(reads()).toEqual(none);
    expect(await finder.find(ids("shop"), shopName)).toEqual(invalidScope);
    expect(reads()).toEqual({ names: 1, secrets: 1 });
  });

  test("by the vendor's scope alone, unless two connections have it", async () => {
    const { finder, register } = await startShop();
    for (const name of ["shop-2", "shop-3"]) register(name, { scope: "shared" });
    const all = ids("shop", "shop-2", "shop-3");

    expect(await finder.find(all, { scope: "scope_shop" })).toEqual(found("shop"));
    expect(await finder.find(all, { scope: "shared" })).toEqual(saying("has this scope. Send"));
    expect(await finder.find(ids("shop", "shop-3"), { scope: "shared" })).toEqual(found("shop-3"));
  });

  test.each(["before any of them has a token", "from the index"])(
    "only if no other connection of the caller has the same username and scope: %s",
    async (when) => {
      const { finder, register, service } = await startShop();
      register("twin", shopName);
      const both = ids("shop", "twin");
      if (when === "from the index") for (const id of both) await service().get(id, { minTtl: 60 });

      expect(await finder.find(both, shopName)).toEqual(saying("has this username and scope. Send"));
      expect(await finder.find(ids("twin"), shopName)).toEqual(found("twin"));
    },
  );
});

describe("ConnectionFinder reads at most 10 times", () => {
  const many = (count: number) => Array.from({ length: count }, (_, index) => `connection-${index}`);

  test.each([100, 10_000])("for a caller with %i connections that nobody has requested", async (count) => {
    const { finder, reads } = await startShop();
    const allowed = ids(...many(count), "shop");

    const suggested = await finder.find(allowed, shopName);
    const forSuggested = reads();
    const missed = await finder.find(allowed, { username: "someone", scope: "scope_shop" });
    const forMissed = reads();
    const byId = await finder.find(allowed, { username: "someone", scope: "shop" });

    expect([suggested, byId]).toEqual([found("shop"), found("shop")]);
    expect(missed).toEqual(saying("send its id in scope once"));
    for (const { names, secrets } of [forSuggested, forMissed]) expect(names + secrets).toBe(10);
    expect(reads()).toEqual(none);
  });

  test("also in the order of the list, if the username suggests no connection", async () => {
    const { finder, register } = await startShop();
    const vendor = { username: "someone", scope: "somewhere" };
    for (const name of ["connection-8", "connection-9"]) register(name, { ...vendor, scope: `somewhere-${name}` });
    const allowed = ids(...many(100));

    expect(await finder.find(allowed, { ...vendor, scope: "somewhere-connection-8" })).toEqual(found("connection-8"));
    expect(await finder.find(allowed, { ...vendor, scope: "somewhere-connection-9" })).toEqual(invalidScope);
    const unusual = { username: "shop-admin_", scope: "scope_shop" };
    register("shop-", unusual);
    expect(await finder.find(ids(...many(100), "shop-"), unusual)).toEqual(invalidScope);
  });

  test("and only once for a connection with a token, however many the caller has", async () => {
    const { finder, reads, service } = await startShop();
    await service().get(connectionId("shop"), { minTtl: 60 });

    expect(await finder.find(ids(...many(10_000), "shop"), shopName)).toEqual(found("shop"));
    expect(reads()).toEqual({ names: 1, secrets: 0 });
  });
});

test("ConnectionFinder remembers at most 10,000 requests: the oldest is forgotten", async () => {
  const { finder, reads, clock } = await startShop();
  const guess = (number: number) => finder.find(ids(), { scope: `guess-${number}` });
  await guess(0);
  clock.advance(1);
  for (let number = 1; number < 10_000; number += 1) await guess(number);
  clock.advance(29);
  // Its miss has ended, so it becomes the latest.
  await guess(0);
  reads();

  for (const number of [0, 1, 10_000, 10_000, 0]) await guess(number);
  const withoutOldest = reads();
  await guess(1);

  expect([withoutOldest.names, reads().names]).toEqual([1, 1]);
});

test.each(["names", "registrations"] as const)(
  "ConnectionFinder keeps what it found while %s do not answer, for however long, and then searches again",
  async (store) => {
    const world = await startShop();
    const ports = { ...world.ports };
    const finder = new ConnectionFinder(ports);
    await finder.find(ids("shop"), shopName);
    ports[store] = around(world.ports[store], unavailable) as never;

    world.clock.advance(3600);
    const during = [await finder.find(ids("shop"), shopName), await finder.find(ids("shop", "other"), shopName)];
    ports[store] = world.ports[store] as never;
    world.register("shop", { username: "admin_other", scope: "scope_shop" });

    const failure = { code: "unavailable", retryAfter: expect.any(Number) };
    expect(during).toMatchObject([found("shop"), { error: "temporarily_unavailable", failure }]);
    expect(await finder.find(ids("shop"), shopName)).toEqual(invalidScope);
    // The error is not remembered.
    expect(await finder.find(ids("shop", "other"), shopName)).toEqual(invalidScope);
  },
);

describe("ConnectionFinder finds no connection", () => {
  test.each([["without a name, if the caller has two", ids("a", "b"), {}]])("%s", async (_, allowed, name) => {
    const { finder, service } = await startShop();
    await service().get(connectionId("shop"), { minTtl: 60 });

    expect(await finder.find(allowed, name)).toEqual(invalidScope);
  });

  test.each([
    ["a scope", { scope: "s".repeat(257) }],
    ["a scope with half a character", { scope: "\ud800" }],
  ])("by %s that no registration can have, and reads nothing", async (_, name) => {
    const { finder, reads } = await startShop();

    expect(await finder.find(ids("shop"), name)).toEqual(invalidScope);
    expect(reads()).toEqual(none);
  });

  test("after a search, by the longest names that a registration can have", async () => {
    const { finder, reads } = await startShop();

    await finder.find(ids("shop"), { scope: "s".repeat(256), username: "u".repeat(256) });
    expect(reads()).toEqual({ names: 1, secrets: 1 });
  });

  test("for 30 s from the start of a slow search", async () => {
    const { ports, register, clock } = await startShop();
    const late = { username: "admin_late", scope: "scope_late" };
    const registrations = around(ports.registrations, async (call) => {
      const reading = await call();
      clock.advance(2);
      return reading;
    });
    const finder = new ConnectionFinder({ ...ports, registrations });
    await finder.find(ids("late"), late);
    register("late", late);

    clock.advance(28);
    expect(await finder.find(ids("late"), late)).toEqual(found("late"));
  });

  test("for one caller, and still finds it for another that may use it", async () => {
    const { finder, service } = await startShop();

    const stranger = await finder.find(ids("a"), shopName);
    await service().get(connectionId("shop"), { minTtl: 60 });

    expect(stranger).toEqual(invalidScope);
    expect(await finder.find(ids("a", "shop"), shopName)).toEqual(found("shop"));
  });
});

const unavailable = (): Promise<never> => Promise.reject(new UnavailableError("DynamoDB: fake"));
