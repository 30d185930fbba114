import { describe, expect, it } from "vitest";
import { withPoints } from "./points.ts";
import { announced, connection, day, keyOf, print, rotateTo, world } from "./suite.ts";

/** Puts a connection's n-th key by hand, and replaces its token. */
async function putAndReplace(number: number): Promise<void> {
  world.put(connection, world.key(connection, number));
  world.clock.advance(1800);
  await world.sweep(connection);
}

const entry = async (number: number, of = connection) => (await world.item(of)).retiringKeys?.[print(number, of)];

describe("a key that left use", () => {
  it("is announced once its end has passed, not a second before, and only once where nobody dies", async () => {
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

  it("ends after seven days though a shorter maxLifetime is registered: that may have been lowered since", async () => {
    world.put(connection, world.key(connection, 1, { maxLifetime: 7200 }));
    world.stage(connection, JSON.stringify({ apiKey: keyOf(2) }));
    world.key(connection, 2);
    await world.rotate(connection);

    expect((await entry(1))?.end).toBe(world.clock.now() + 7 * day + 60);
  });

  it("lives as long as a token of it may that was handed out and never committed", async () => {
    await putAndReplace(2);

    expect((await entry(1))?.end).toBe(world.clock.now() + 7 * day + 60);
  });

  it("is noted by the commit where a value was put by hand", async () => {
    await putAndReplace(2);

    expect(await entry(1)).toMatchObject({ since: world.clock.now() });
    expect(await entry(2)).toBeUndefined();
  });

  it("is noted though two values were put by hand before one replacement", async () => {
    world.put(connection, world.key(connection, 2));
    await putAndReplace(3);
    world.clock.advance(8 * day);
    await world.sweep(connection);

    expect(announced().toSorted()).toEqual([print(1), print(2)].toSorted());
  });

  it("is noted with its end by a deletion, and the item stays in the index until it is announced", async () => {
    world.remove(connection);
    world.clock.advance(1800);
    await world.sweep(connection);
    const erased = await world.item(connection);
    world.clock.advance(7 * day + 60);

    await world.sweep(connection);

    expect(erased).not.toHaveProperty("tokenSet");
    expect(erased.nextActionAt).toBe(erased.retiringKeys?.[print(1)]?.end);
    expect(announced()).toEqual([print(1)]);
    expect(await world.item(connection)).not.toHaveProperty("nextActionAt");
  });

  it("is noted by a deletion in the middle of a replacement, and so is the key that was about to be used", async () => {
    world.put(connection, world.key(connection, 2));
    const ports = withPoints(world.ports, async (call, act) => {
      const answer = await act();
      if (call === "table.noteKey") world.remove(connection);
      return answer;
    });
    world.clock.advance(1800);

    await world.sweep(connection, ports);

    const end = world.clock.now() + 7 * day + 60;
    expect(await entry(1)).toMatchObject({ end });
    expect(await entry(2)).toMatchObject({ end });
    expect((await world.item(connection)).nextActionAt).toBe(end);
  });

  it("keeps its issuer's name for it through a deletion", async () => {
    await world.ports.table.noteKey(connection, print(1), { since: 1, end: world.clock.now() + day, id: "key-1" });
    world.remove(connection);
    world.clock.advance(1800);

    await world.sweep(connection);

    expect(await entry(1)).toEqual({ since: 1, end: world.clock.now() + 7 * day + 60, id: "key-1" });
  });
});

describe("entry-wise writes", () => {
  it("two rotations in a row lose no key", async () => {
    await rotateTo(2);
    world.clock.advance(day);
    await rotateTo(3);

    expect(await entry(1)).toMatchObject({ end: world.clock.now() + 6 * day + 60 });
    expect(await entry(2)).toMatchObject({ end: world.clock.now() + 7 * day + 60 });
  });

  it("a commit loses no entry that was written after its lease was taken", async () => {
    const other = { since: 5, end: world.clock.now() + 9 * day };
    const { upstream } = world.ports;
    const call: typeof upstream.call = async (...asked) => {
      await world.ports.table.noteKey(connection, "00000000000000aa", other);
      return upstream.call(...asked);
    };
    world.clock.advance(1800);

    await world.sweep(connection, { upstream: { call } });

    expect((await world.item(connection)).retiringKeys?.["00000000000000aa"]).toEqual(other);
  });
});

describe("before upstream is called with a key that is not the item's own, or that was on its way out", () => {
  /** What a sweep's calls found at the instant of its exchange, and what it asked after it noted the key. */
  async function sweepWatched() {
    const calls: string[] = [];
    let noted: unknown;
    const ports = withPoints(world.ports, async (call, act) => {
      calls.push(call);
      if (call === "upstream.call") noted = (await world.item(connection)).retiringKeys;
      return act();
    });
    world.clock.advance(1800);
    await world.sweep(connection, ports);
    return { calls, noted };
  }

  it("its entry is written without an end, and then the registration is read again", async () => {
    world.put(connection, world.key(connection, 2));

    const { calls, noted } = await sweepWatched();

    expect(noted).toEqual({ [print(2)]: { since: world.clock.now() } });
    const at = calls.indexOf("table.noteKey");
    expect(calls.slice(at - 1, at + 3)).toEqual([
      "registrations.read",
      "table.noteKey",
      "registrations.read",
      "upstream.call",
    ]);
  });

  it("a key that was put back by hand has no end any more while a token of it is made", async () => {
    await rotateTo(2);
    world.moveLabel(connection, "AWSCURRENT", world.versionAt(connection, "AWSPREVIOUS"));

    const { noted } = await sweepWatched();

    expect(noted).toMatchObject({ [print(1)]: { since: expect.any(Number) } });
    expect((noted as Record<string, object>)[print(1)]).not.toHaveProperty("end");
  });

  it("nothing is written for the item's own key", async () => {
    const { calls } = await sweepWatched();

    expect(calls).not.toContain("table.noteKey");
  });

  it("testSecret writes the entry too", async () => {
    let noted: unknown;
    const ports = withPoints(world.ports, async (call, act) => {
      if (call === "upstream.call") noted = (await world.item(connection)).retiringKeys;
      return act();
    });
    world.stage(connection, world.key(connection, 2));
    world.onInvoke((event) => world.step(event, ports));

    await world.rotate(connection);
    world.onInvoke();

    expect(noted).toEqual({ [print(2)]: { since: world.clock.now() } });
  });
});
