import { describe, expect, it } from "vitest";
import type { KeyPorts } from "../../functions/auth-core/use-cases/ports.ts";
import { withPoints } from "../support/crash-points.ts";
import { announced, connection, day, entryOf, print, rotateTo, useKeysWorld, world } from "./suite.ts";

useKeysWorld();

/** Lets the connection become due, and replaces its token. */
async function replace(other: Partial<KeyPorts> = {}): Promise<void> {
  world.clock.advance(1800);
  await world.sweep(connection, other);
}

const put = (number: number) => world.put(connection, world.key(connection, number));
const endFromNow = () => world.clock.now() + 7 * day + 60;

describe("A key that is no longer in use", () => {
  it("is announced at its end, not a second earlier, and only once if no process dies", async () => {
    await rotateTo(2);
    world.clock.advance(7 * day + 59);
    await world.sweep(connection);
    expect(announced()).toEqual([]);
    world.clock.advance(1);

    await world.sweep(connection);
    await world.sweep(connection);

    expect(announced()).toEqual([print(1)]);
    expect(world.notices).toContainEqual({ kind: "api_key_retirable", connection, keyFingerprint: print(1) });
    expect((await world.item(connection)).retiringKeys).toEqual({});
  });

  it("is noted by the commit after an operator stored a value, with the end of a token that was never stored", async () => {
    put(2);
    await replace();

    expect(await entryOf(1)).toEqual({ since: world.clock.now(), end: endFromNow() });
    expect(await entryOf(2)).toBeUndefined();
  });

  it("is noted even if an operator stored two values before one replacement", async () => {
    put(2);
    put(3);
    await replace();
    world.clock.advance(8 * day);
    await world.sweep(connection);

    expect(announced().toSorted()).toEqual([print(1), print(2)].toSorted());
  });

  it("is noted with the issuer's id of it that its entry has, if the next key has another", async () => {
    await world.ports.table.noteKey(connection, print(1), { since: 1, id: "key-1" });
    world.put(connection, world.key(connection, 2, { apiKeyId: "key-2" }));
    await replace();

    expect(await entryOf(1)).toEqual({ since: 1, end: endFromNow(), id: "key-1" });
  });

  it("is not a key that an operator stored twice", async () => {
    put(2);
    world.put(connection, world.key(connection, 2, { maxLifetime: 7200 }));
    await replace();

    expect(await entryOf(2)).toBeUndefined();
  });

  it("is noted with its end by a deletion, and the item stays in the index until the key is announced", async () => {
    world.remove(connection);
    await replace();
    const erased = await world.item(connection);
    world.clock.advance(7 * day + 60);

    await world.sweep(connection);

    expect(erased).not.toHaveProperty("tokenSet");
    expect(erased.nextActionAt).toBe(erased.retiringKeys?.[print(1)]?.end);
    expect(announced()).toEqual([print(1)]);
    expect(await world.item(connection)).not.toHaveProperty("nextActionAt");
  });

  it("is noted by a deletion during a replacement, and so is the key of that replacement", async () => {
    put(2);
    await replace(
      withPoints(world.ports, async (call, act) => {
        const answer = await act();
        if (call === "table.noteKey") world.remove(connection);
        return answer;
      }),
    );

    const end = endFromNow();
    expect([await entryOf(1), await entryOf(2)]).toMatchObject([{ end }, { end }]);
    expect((await world.item(connection)).nextActionAt).toBe(end);
  });

  it("keeps the issuer's id of it through a deletion", async () => {
    await world.ports.table.noteKey(connection, print(1), { since: 1, end: world.clock.now() + day, id: "key-1" });
    world.remove(connection);
    await replace();

    expect(await entryOf(1)).toEqual({ since: 1, end: endFromNow(), id: "key-1" });
  });
});

describe("Retiring keys are written entry by entry:", () => {
  it("a commit loses no entry that was written after its lease was taken", async () => {
    const other = { since: 5, end: world.clock.now() + 9 * day };
    const { upstream } = world.ports;
    const call: typeof upstream.call = async (...args) => {
      await world.ports.table.noteKey(connection, "00000000000000aa", other);
      return upstream.call(...args);
    };
    await replace({ upstream: { call } });

    expect((await world.item(connection)).retiringKeys?.["00000000000000aa"]).toEqual(other);
  });
});

describe("Before an upstream call with a key that is not the item's own or is retiring,", () => {
  /** The calls, and the retiring keys at the instant of the upstream call. */
  function watched() {
    const calls: string[] = [];
    const watch: { noted?: Record<string, object> } = {};
    const ports = withPoints(world.ports, async (call, act) => {
      calls.push(call);
      if (call === "upstream.call") watch.noted = (await world.item(connection)).retiringKeys ?? {};
      return act();
    });
    return { calls, ports, watch };
  }

  it("a replacement writes its entry without an end, and then reads the registration again", async () => {
    put(2);
    const { calls, ports, watch } = watched();
    await replace(ports);

    expect(watch.noted).toEqual({ [print(2)]: { since: world.clock.now() } });
    const at = calls.indexOf("table.noteKey");
    const around = calls.slice(at - 1, at + 3).join(" ");
    expect(around).toBe("registrations.read table.noteKey registrations.read upstream.call");
  });

  it("a replacement removes the end of a key that an operator put back", async () => {
    await rotateTo(2);
    world.moveLabel(connection, "AWSCURRENT", world.versionAt(connection, "AWSPREVIOUS"));
    const { ports, watch } = watched();
    await replace(ports);

    expect(watch.noted).toMatchObject({ [print(1)]: { since: expect.any(Number) } });
    expect(watch.noted?.[print(1)]).not.toHaveProperty("end");
  });

  it("but a replacement writes nothing for the item's own key", async () => {
    const { calls, ports } = watched();
    await replace(ports);

    expect(calls).not.toContain("table.noteKey");
  });
});

it("A sweep that finds an instant in the index that nothing explains corrects it, and replaces nothing", async () => {
  const { nextActionAt } = await world.item(connection);
  await world.ports.table.reschedule(connection, nextActionAt, world.clock.now());

  await world.sweep(connection);

  expect(await world.item(connection)).toMatchObject({ generation: 1, nextActionAt });
});

it("A sweep that retires a key leaves the instant of the connection alone while a replacement holds its lease", async () => {
  const { table, clock } = world.ports;
  const now = clock.now();
  await table.noteKey(connection, "0123456789abcdef", { since: now - 10, end: now - 1 });
  const expected = await world.item(connection);
  await table.takeLease(connection, { expected, owner: "fake-owner", now, until: now + 15, isDue: true });

  await world.sweep(connection);

  expect(await world.item(connection)).toMatchObject({ leaseOwner: "fake-owner", nextActionAt: now, retiringKeys: {} });
});
