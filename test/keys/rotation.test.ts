import { describe, expect, it } from "vitest";
import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import { connection, day, keyOf, ownKey, print, useKeysWorld, world } from "./suite.ts";

useKeysWorld();

describe("A rotation with a key staged under NEXT", () => {
  it.each([
    ["a whole secret", (text: string) => text],
    ["the key alone", (_text: string, key: string) => key],
    ["an object with the key", (_text: string, key: string) => JSON.stringify({ apiKey: key })],
  ])("makes the key current and leaves no other label: %s", async (_what, form) => {
    world.stage(connection, form(world.key(connection, 2), keyOf(2)));

    await world.rotate(connection);

    const rotated = { connection, keyFingerprint: print(2) };
    expect(world.labels(connection)).toEqual({ AWSCURRENT: keyOf(2), AWSPREVIOUS: keyOf(1) });
    expect(world.events).toEqual([{ kind: "api_key_rotated", ...rotated }]);
    expect(world.notices).toContainEqual({ kind: "api_key_rotated", ...rotated });
  });

  it("makes the connection due, so that the next sweep gets a token of the new key", async () => {
    world.stage(connection, world.key(connection, 2));

    await world.rotate(connection);
    const before = await ownKey();
    await world.sweep(connection);

    expect(before).toBe(print(1));
    expect(await ownKey()).toBe(print(2));
  });

  it("notes the outgoing key as retiring, with an end seven days and one time-out later", async () => {
    world.stage(connection, world.key(connection, 2));

    await world.rotate(connection);

    const now = world.clock.now();
    expect((await world.item(connection)).retiringKeys).toEqual({
      [print(1)]: { since: now, end: now + 7 * day + 60 },
      [print(2)]: {
        since: now,
        basedOn: `${world.versionAt(connection, "AWSCURRENT")} ${world.versionAt(connection, "AWSPREVIOUS")}`,
        testedVersion: world.versionAt(connection, "AWSCURRENT"),
      },
    });
  });

  it("notes the outgoing key of a connection without a token too, and gets no token for it", async () => {
    const cold = `${connection}-cold` as ConnectionId;
    world.put(cold, world.key(cold, 1));
    world.stage(cold, world.key(cold, 2));

    await world.rotate(cold);

    const item = await world.item(cold);
    expect(Object.keys(item.retiringKeys ?? {})).toContain(print(1, cold));
    expect(item.nextActionAt).toBe(world.clock.now() + 7 * day + 60);
    expect(item.attemptedAt).toBeUndefined();
  });
});

describe("Ten rotations in a row", () => {
  it.each([true, false])(
    "end with the last key as the current one and all others retiring; replacements between them: %s",
    async (isReplaced) => {
      for (let number = 2; number <= 11; number += 1) {
        world.stage(connection, world.key(connection, number));
        await world.rotate(connection);
        world.clock.advance(60);
        if (isReplaced) await world.sweep(connection);
      }
      await world.sweep(connection);

      const { retiringKeys = {} } = await world.item(connection);
      expect(world.labels(connection)).toEqual({ AWSCURRENT: keyOf(11), AWSPREVIOUS: keyOf(10) });
      expect(await ownKey()).toBe(print(11));
      const old = Array.from({ length: 10 }, (_, index) => print(index + 1));
      expect(Object.keys(retiringKeys).toSorted()).toEqual(old.toSorted());
      expect(old.filter((key) => retiringKeys[key]?.end === undefined)).toEqual([]);
    },
  );
});
