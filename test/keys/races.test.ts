import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import { withPoints } from "./points.ts";
import { disturbEverywhere, rotateDisturbed } from "./disturbed.ts";
import { fingerprintOf, keyName } from "./operator.ts";
import { type KeysWorld, startConnection, startKeysWorld } from "./world.ts";

const day = 86_400;
let world: KeysWorld;

beforeAll(async () => {
  world = await startKeysWorld();
});
afterAll(() => world.close());

async function prepare(): Promise<ConnectionId> {
  const connection = await startConnection(world);
  world.stage(connection, world.key(connection, 2));
  return connection;
}

/** Lets one replacement and then eight days pass; the numbers of the keys that were announced. */
async function announcedAfterAWeek(connection: ConnectionId): Promise<number[]> {
  world.clock.advance(1800);
  await world.sweep(connection);
  world.clock.advance(8 * day);
  await world.sweep(connection);
  await world.sweep(connection);
  const announced = new Set(
    eventsOf(connection).map((event) => event.kind === "api_key_retirable" && event.keyFingerprint),
  );
  return [1, 2, 3, 4].filter((number) => announced.has(fingerprintOf(keyName(connection, number))));
}

const eventsOf = (connection: ConnectionId) => world.events.filter((event) => event.connection === connection);

/** Label → number of the key. */
const numbers = (connection: ConnectionId) =>
  Object.fromEntries(
    Object.entries(world.labels(connection)).map(([label, key]) => [
      label,
      Number(key.slice(key.lastIndexOf("-") + 1)),
    ]),
  );

/** Runs a rotation with something done at every one of its points; the labels that it left, and what is announced. */
async function duringRotation(what: (connection: ConnectionId) => unknown) {
  return disturbEverywhere(
    prepare,
    (connection, at) => rotateDisturbed(world, connection, at, () => what(connection)),
    async (connection) => ({ labels: numbers(connection), announced: await announcedAfterAWeek(connection) }),
  );
}

describe("while a rotation is under way", { timeout: 60_000 }, () => {
  it("a newer NEXT that is staged at any point after the first reading stays staged", async () => {
    const { found } = await duringRotation((connection) => world.stage(connection, world.key(connection, 3)));

    const late = { labels: { AWSCURRENT: 2, AWSPREVIOUS: 1, NEXT: 3 }, announced: [1] };
    const early = { labels: { AWSCURRENT: 3, AWSPREVIOUS: 1 }, announced: [1] };
    const readNext = found.findIndex(([, { labels }]) => labels["NEXT"] === 3);
    expect(readNext).toBeGreaterThan(0);
    for (const [nth, [point, state]] of found.entries()) {
      expect({ point, ...state }).toEqual({ point, ...(nth < readNext ? early : late) });
    }
  });

  it("a value that is put by hand at any point stands, no label is astray, and every key that left is announced", async () => {
    const { found } = await duringRotation((connection) => {
      world.clock.advance(1);
      world.put(connection, world.key(connection, 3));
    });

    for (const [point, { labels, announced }] of found) {
      const { AWSCURRENT, AWSPREVIOUS, ...astray } = labels;
      expect(AWSCURRENT, point).toBe(3);
      expect({ point, astray: Object.keys(astray).filter((label) => label !== "NEXT") }).toEqual({ point, astray: [] });
      expect(astray["NEXT"] ?? 2, point).toBe(2);
      expect(announced, point).toContain(1);
      // A key that NEXT has kept may still come to use.
      const left = [2, 3].filter((number) => number !== AWSCURRENT && number !== astray["NEXT"]);
      expect(announced, point).toEqual([1, ...left]);
      expect(AWSPREVIOUS, point).not.toBe(AWSCURRENT);
    }
  });

  it("a sweep that replaces the token at any point loses no key", async () => {
    const { found, undisturbed } = await duringRotation(async (connection) => {
      world.clock.advance(1800);
      await world.sweep(connection);
    });

    expect(undisturbed).toEqual({ labels: { AWSCURRENT: 2, AWSPREVIOUS: 1 }, announced: [1] });
    for (const [point, state] of found) expect({ point, ...state }).toEqual({ point, ...undisturbed });
  });

  it("a second rotation is refused at every point, and takes nothing from the first", async () => {
    const refusals: string[] = [];
    const { found, undisturbed } = await duringRotation((connection) => {
      try {
        world.startRotation(connection);
      } catch (error) {
        refusals.push((error as Error).message);
      }
    });

    for (const [point, state] of found) expect({ point, ...state }).toEqual({ point, ...undisturbed });
    expect(refusals).toContain("A previous rotation isn't complete. That rotation will be reattempted.");
  });

  it("the same step run twice at once does no harm", async () => {
    for (const step of ["createSecret", "testSecret", "finishSecret"] as const) {
      const connection = await prepare();
      world.onInvoke(async (event) => {
        const once = () => world.step(event);
        if (event.Step !== step) return once();
        const both = await Promise.allSettled([once(), once()]);
        if (both.every(({ status }) => status === "rejected")) throw new Error("Both failed.");
      });

      await world.rotate(connection);
      world.onInvoke();

      expect({ step, ...numbers(connection) }).toEqual({ step, AWSCURRENT: 2, AWSPREVIOUS: 1 });
    }
  });

  it("a move of AWSCURRENT that is repeated because its answer was lost is no other value put by hand", async () => {
    const connection = await prepare();
    const { secrets } = world.ports;
    const moveLabel: typeof secrets.moveLabel = async (...asked) => {
      await secrets.moveLabel(...asked);
      return secrets.moveLabel(...asked);
    };
    world.onInvoke((event) => world.step(event, { secrets: { ...secrets, moveLabel } }));

    await world.rotate(connection);
    world.onInvoke();

    expect(numbers(connection)).toEqual({ AWSCURRENT: 2, AWSPREVIOUS: 1 });
    expect(eventsOf(connection).map(({ kind }) => kind)).toEqual(["api_key_rotated"]);
  });
});

describe("a retry of a rotation whose process died after AWSCURRENT had moved", () => {
  it("never moves AWSCURRENT to a version that carries AWSPREVIOUS", async () => {
    const connection = await prepare();
    let hasDied = false;
    world.onInvoke(async (event) => {
      if (event.Step !== "finishSecret" || hasDied) return world.step(event);
      hasDied = true;
      const read = () => Promise.reject(new Error("died"));
      const finish = world.step(event, { table: { ...world.ports.table, read } });
      // An operator puts another value before Secrets Manager tries again.
      return finish.finally(() => world.put(connection, world.key(connection, 3)));
    });

    await world.rotate(connection);
    world.onInvoke();

    expect(numbers(connection)).toEqual({ AWSCURRENT: 3, AWSPREVIOUS: 2, NEXT: 2 });
    expect(eventsOf(connection)).toMatchObject([{ kind: "api_key_action_needed", reason: "superseded" }]);
    expect(await announcedAfterAWeek(connection)).toEqual([1]);
  });
});

describe("a rotation in the middle of a replacement", { timeout: 60_000 }, () => {
  it("at any point of it loses no key, and the new one is used in the end", async () => {
    const sweepDisturbed = async (connection: ConnectionId, at: ReadonlySet<number>) => {
      const points: string[] = [];
      const pass = async (point: string) => {
        points.push(point);
        if (at.has(points.length - 1)) await world.rotate(connection);
      };
      const ports = withPoints(world.ports, async (call, act) => {
        await pass(`before ${call}`);
        const answer = await act();
        await pass(`after ${call}`);
        return answer;
      });
      world.clock.advance(1800);
      await world.sweep(connection, ports);
      return points;
    };

    const { points, found } = await disturbEverywhere(prepare, sweepDisturbed, async (connection) => ({
      labels: numbers(connection),
      announced: await announcedAfterAWeek(connection),
      isUsed: (await world.item(connection)).tokenSet?.keyFingerprint === fingerprintOf(keyName(connection, 2)),
    }));

    expect(points).toContain("after table.write");
    for (const [point, state] of found) {
      const labels = { AWSCURRENT: 2, AWSPREVIOUS: 1 };
      expect({ point, ...state }).toEqual({ point, labels, announced: [1], isUsed: true });
    }
  });
});

describe("a rotation that Secrets Manager gave up", () => {
  /** Dies at the same call in every attempt. */
  async function giveUp(call: string): Promise<{ connection: ConnectionId; token: string }> {
    const connection = await prepare();
    const token = randomUUID();
    const ports = withPoints(world.ports, (called, act) =>
      called === call ? Promise.reject(new Error("died")) : act(),
    );
    // What dies does not clean up either.
    ports.secrets.moveLabel = () => Promise.reject(new Error("died"));
    world.onInvoke((event) => world.step(event, ports));
    await world.rotate(connection, token);
    world.onInvoke();
    return { connection, token };
  }

  it("refuses every other one, is resumed by its own token, and ends as it should", async () => {
    const { connection, token } = await giveUp("upstream.call");
    expect(() => world.startRotation(connection)).toThrow("A previous rotation isn't complete");

    await world.rotate(connection, token);

    expect(numbers(connection)).toEqual({ AWSCURRENT: 2, AWSPREVIOUS: 1 });
  });

  it("makes room for another once AWSPENDING is taken off its version", async () => {
    const { connection } = await giveUp("secrets.putPending");
    world.moveLabel(connection, "AWSPENDING");

    await world.rotate(connection);

    expect(numbers(connection)).toEqual({ AWSCURRENT: 2, AWSPREVIOUS: 1 });
  });
});
