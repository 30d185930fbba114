import { describe, expect, it } from "vitest";
import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import type { KeyPorts } from "../../functions/auth-core/use-cases/ports.ts";
import { disturbEverywhere } from "./disturbed.ts";
import { withPoints } from "./points.ts";
import { startConnection } from "./world.ts";
import { announced, connection, day, keyOf, print, rotateTo, world } from "./suite.ts";

const entry = async (number: number, of = connection) => (await world.item(of)).retiringKeys?.[print(number, of)];

describe("a key whose end has passed is not announced", () => {
  /** Rotates away from key 1, lets its end pass, and does something before the sweep. */
  async function outlive(): Promise<void> {
    await rotateTo(2);
    world.clock.advance(7 * day + 60);
  }

  it.each([
    ["AWSCURRENT", () => world.moveLabel(connection, "AWSCURRENT", world.versionAt(connection, "AWSPREVIOUS"))],
    ["AWSPENDING", () => world.put(connection, world.key(connection, 1), ["AWSPENDING"])],
    ["NEXT", () => world.stage(connection, world.key(connection, 1))],
    ["NEXT, as the key alone", () => world.stage(connection, keyOf(1))],
    ["NEXT, as an object with the key", () => world.stage(connection, JSON.stringify({ apiKey: keyOf(1) }))],
  ])("while %s carries it", async (_label, carry) => {
    await outlive();
    carry();
    const before = world.clock.now();

    // The token is not replaced here: that would note the key as in use.
    await world.sweep(connection, { upstream: { call: async () => ({ kind: "rejected", status: 401 }) } });

    expect(announced()).toEqual([]);
    expect((await entry(1))?.checkAgainAt ?? before + 3600).toBe(before + 3600);
  });

  it("though AWSPREVIOUS carries it, it is", async () => {
    await outlive();
    expect(world.labels(connection)["AWSPREVIOUS"]).toBe(keyOf(1));

    await world.sweep(connection);

    expect(announced()).toEqual([print(1)]);
  });

  it("while a stored token set descends from it", async () => {
    await world.ports.table.noteKey(connection, print(1), { since: 1, end: world.clock.now() + 60 });
    world.put(connection, world.key(connection, 2));
    world.clock.advance(60);

    await world.sweep(connection);

    expect(announced()).toEqual([]);
    expect(await entry(1)).toMatchObject({ checkAgainAt: world.clock.now() + 3600 });
  });

  it("while AWSCURRENT carries it in a text that is no registration any more", async () => {
    await outlive();
    world.put(connection, JSON.stringify({ apiKey: keyOf(1) }));

    await world.sweep(connection);

    expect(announced()).toEqual([]);
    expect((await entry(1))?.checkAgainAt).toBe(world.clock.now() + 3600);
  });

  it("once it is carried no more, within an hour", async () => {
    await outlive();
    const version = world.stage(connection, keyOf(1));
    await world.sweep(connection);
    world.moveLabel(connection, "NEXT");
    expect(version).not.toBe("");
    world.clock.advance(3599);
    await world.sweep(connection);
    expect(announced()).toEqual([]);
    world.clock.advance(1);

    await world.sweep(connection);

    expect(announced()).toEqual([print(1)]);
  });
});

describe("an announcement", () => {
  it("reads the secret, then the items, then writes conditionally, and only then tells", async () => {
    await rotateTo(2);
    world.clock.advance(7 * day + 60);
    const calls: string[] = [];
    const ports = withPoints(world.ports, (call, act) => {
      calls.push(call);
      return act();
    });

    await world.sweep(connection, ports);

    const told = calls.indexOf("events.put");
    expect(calls.slice(told - 5, told + 2)).toEqual([
      "secrets.read",
      "secrets.read",
      "secrets.read",
      "table.findByKey",
      "table.changeKey",
      "events.put",
      "table.changeKey",
    ]);
  });

  it("is not made where the key was noted as in use after the items were read", async () => {
    await rotateTo(2);
    world.clock.advance(7 * day + 60);
    const { table } = world.ports;
    const findByKey: typeof table.findByKey = async (...asked) => {
      const carriers = await table.findByKey(...asked);
      await table.noteKey(connection, print(1), { since: world.clock.now() });
      return carriers;
    };

    await world.sweep(connection, { table: { ...table, findByKey } });

    expect(announced()).toEqual([]);
    expect(await entry(1)).toEqual({ since: world.clock.now() });
  });

  it("that fails holds up no other", async () => {
    await rotateTo(2);
    await rotateTo(3);
    world.clock.advance(7 * day + 60);
    const { events } = world.ports;
    let puts = 0;
    const put: typeof events.put = async (event) => {
      puts += 1;
      if (puts === 1) throw new UnavailableError("EventBridge: down");
      await events.put(event);
    };

    await world.sweep(connection, { events: { put } });
    expect(announced()).toHaveLength(1);
    world.clock.advance(60);
    await world.sweep(connection);

    expect(announced().toSorted()).toEqual([print(1), print(2)].toSorted());
  });

  it("that the bus does not take is made by the next sweep", async () => {
    await rotateTo(2);
    world.clock.advance(7 * day + 60);
    const put = () => Promise.reject(new UnavailableError("EventBridge: down"));
    await world.sweep(connection, { events: { put } });
    expect(announced()).toEqual([]);

    world.clock.advance(60);
    await world.sweep(connection);

    expect(announced()).toEqual([print(1)]);
  });

  it("is made at least once, wherever the sweep dies, and nothing is left to do after it", async () => {
    async function dieAt(of: ConnectionId, at: ReadonlySet<number>): Promise<string[]> {
      const points: string[] = [];
      const death = Promise.withResolvers<void>();
      const pass = async (point: string) => {
        points.push(point);
        if (!at.has(points.length - 1)) return;
        death.resolve();
        await new Promise<never>(() => {});
      };
      const ports: KeyPorts = withPoints(world.ports, async (call, act) => {
        await pass(`before ${call}`);
        const answer = await act();
        await pass(`after ${call}`);
        return answer;
      });
      await Promise.race([world.sweep(of, ports), death.promise]);
      // Longer than the lease of whoever died.
      world.clock.advance(60);
      await world.sweep(of);
      await world.sweep(of);
      return points;
    }
    const prepare = async () => {
      const started = await startConnection(world);
      await rotateTo(2, started);
      world.clock.advance(7 * day + 60);
      return started;
    };

    const { points, undisturbed, found } = await disturbEverywhere(prepare, dieAt, async (of) => ({
      times: announced(of).length,
      left: (await world.item(of)).retiringKeys,
      isScheduled: ((await world.item(of)).nextActionAt ?? 0) > world.clock.now(),
    }));

    expect(undisturbed).toEqual({ times: 1, left: {}, isScheduled: true });
    expect(points).toContain("after events.put");
    for (const [point, { times, ...state }] of found) {
      expect({ point, ...state }).toEqual({ point, left: {}, isScheduled: true });
      expect([1, 2], point).toContain(times);
    }
  });
});
