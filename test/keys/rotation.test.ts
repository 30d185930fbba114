import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import { fingerprintOf, keyName } from "./operator.ts";
import { type KeysWorld, startConnection, startKeysWorld } from "./world.ts";

const day = 86_400;
let world: KeysWorld;
let connection: ConnectionId;

beforeAll(async () => {
  world = await startKeysWorld();
});
afterAll(() => world.close());
beforeEach(async () => {
  connection = await startConnection(world);
  world.events.length = 0;
});

const keyOf = (number: number) => keyName(connection, number);

/** The key of the stored token. */
const ownKey = async () => (await world.item(connection)).tokenSet?.keyFingerprint;

describe("a rotation with a key staged under NEXT", () => {
  it.each([
    ["a whole secret", (text: string) => text],
    ["the key alone", (_text: string, key: string) => key],
    ["an object with the key", (_text: string, key: string) => JSON.stringify({ apiKey: key })],
  ])("makes it current and leaves no label astray: %s", async (_what, form) => {
    world.stage(connection, form(world.key(connection, 2), keyOf(2)));

    await world.rotate(connection);

    expect(world.labels(connection)).toEqual({ AWSCURRENT: keyOf(2), AWSPREVIOUS: keyOf(1) });
    expect(world.events).toEqual([{ kind: "api_key_rotated", connection, keyFingerprint: fingerprintOf(keyOf(2)) }]);
    expect(world.notices).toContainEqual({
      kind: "api_key_rotated",
      connection,
      keyFingerprint: fingerprintOf(keyOf(2)),
    });
  });

  it("makes the connection due, and the next sweep exchanges the new key", async () => {
    world.stage(connection, world.key(connection, 2));

    await world.rotate(connection);
    const before = await ownKey();
    await world.sweep(connection);

    expect(before).toBe(fingerprintOf(keyOf(1)));
    expect(await ownKey()).toBe(fingerprintOf(keyOf(2)));
  });

  it("makes the connection due whatever its backoff", async () => {
    world.simulator.setScenario({ mode: "unavailable" });
    world.clock.advance(1800);
    await world.sweep(connection);
    world.simulator.setScenario({ mode: "ok" });
    expect((await world.item(connection)).retryAt).toBeGreaterThan(world.clock.now());
    world.stage(connection, world.key(connection, 2));

    await world.rotate(connection);

    const item = await world.item(connection);
    expect(item).toMatchObject({ nextActionAt: world.clock.now() });
    expect(item).not.toHaveProperty("retryAt");
  });

  it("notes the outgoing key as retiring, and lets it end seven days and a time-out later", async () => {
    world.stage(connection, world.key(connection, 2));

    await world.rotate(connection);

    const { retiringKeys } = await world.item(connection);
    const now = world.clock.now();
    expect(retiringKeys).toEqual({
      [fingerprintOf(keyOf(1))]: { since: now, end: now + 7 * day + 60 },
      [fingerprintOf(keyOf(2))]: { since: now },
    });
  });

  it("notes the outgoing key of a connection that nobody has asked for, too, and leaves it cold", async () => {
    const cold = `${connection}-cold` as ConnectionId;
    world.put(cold, world.key(cold, 1));
    world.stage(cold, world.key(cold, 2));

    await world.rotate(cold);

    const item = await world.item(cold);
    expect(Object.keys(item.retiringKeys ?? {})).toContain(fingerprintOf(keyName(cold, 1)));
    expect(item.nextActionAt).toBe(world.clock.now() + 7 * day + 60);
    expect(item.attemptedAt).toBeUndefined();
  });

  it("exchanges the new key once and throws the token away", async () => {
    const { exchange } = world.simulator.counts;
    world.stage(connection, world.key(connection, 2));
    const before = await world.item(connection);

    await world.rotate(connection);

    expect(world.simulator.counts.exchange).toBe(exchange + 1);
    expect((await world.item(connection)).tokenSet?.accessToken.reveal()).toBe(before.tokenSet?.accessToken.reveal());
  });

  it("does not take the token of an older maxLifetime for one of the new bound", async () => {
    const eightHours = await startConnectionOfEightHours();
    world.put(eightHours, world.key(eightHours, 1, { maxLifetime: 600 }));
    world.stage(eightHours, world.key(eightHours, 2, { maxLifetime: 600 }));

    await world.rotate(eightHours);

    const end = (await world.item(eightHours)).retiringKeys?.[fingerprintOf(keyName(eightHours, 1))]?.end ?? 0;
    expect(end).toBeGreaterThanOrEqual((await world.item(eightHours)).tokenSet?.accessTokenExpiresAt ?? 0);
  });
});

async function startConnectionOfEightHours(): Promise<ConnectionId> {
  world.simulator.setScenario({ lifetime: 8 * 3600 });
  const started = await startConnection(world);
  world.simulator.setScenario({ lifetime: 3600 });
  return started;
}

describe("ten rotations in a row", () => {
  it.each([true, false])(
    "end with the tenth key, each outgoing one retiring, replacements between them: %s",
    async (isAsked) => {
      for (let number = 2; number <= 11; number += 1) {
        world.stage(connection, world.key(connection, number));
        await world.rotate(connection);
        world.clock.advance(60);
        if (isAsked) await world.sweep(connection);
      }
      await world.sweep(connection);

      const { retiringKeys = {}, tokenSet } = await world.item(connection);
      expect(world.labels(connection)).toEqual({ AWSCURRENT: keyOf(11), AWSPREVIOUS: keyOf(10) });
      expect(tokenSet?.keyFingerprint).toBe(fingerprintOf(keyOf(11)));
      const old = Array.from({ length: 10 }, (_, index) => fingerprintOf(keyOf(index + 1)));
      expect(Object.keys(retiringKeys).toSorted()).toEqual(old.toSorted());
      expect(old.filter((key) => retiringKeys[key]?.end === undefined)).toEqual([]);
    },
  );
});
