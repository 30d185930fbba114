import { describe, expect, it } from "vitest";
import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import { disturb, disturbEverywhere, itEverywhere, withPoints } from "../support/crash-points.ts";
import { rotateDisturbed } from "./rotate-disturbed.ts";
import { announced, day, ownKey, print, useKeysWorld, world } from "./suite.ts";
import { keyName } from "../support/operator.ts";
import { startConnection } from "./world.ts";

useKeysWorld();

/** A connection with key 1, and key 2 staged. */
async function prepare(): Promise<ConnectionId> {
  const connection = await startConnection(world);
  world.stage(connection, world.key(connection, 2));
  return connection;
}

/** Lets one replacement and then eight days pass. The numbers of the announced keys. */
async function announcedAfterAWeek(connection: ConnectionId): Promise<number[]> {
  world.clock.advance(1800);
  await world.sweep(connection);
  world.clock.advance(8 * day);
  await world.sweep(connection);
  await world.sweep(connection);
  const keys = new Set(announced(connection));
  return [1, 2, 3, 4].filter((number) => keys.has(print(number, connection)));
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

const rotated = { AWSCURRENT: 2, AWSPREVIOUS: 1 };

/** Runs a rotation and does something at every one of its points. The labels afterwards, and what is announced. */
const duringRotation = (what: (connection: ConnectionId) => unknown) =>
  disturbEverywhere(async (at) => {
    const connection = await prepare();
    const points = await rotateDisturbed(world, connection, at, () => what(connection));
    return { points, found: { labels: numbers(connection), announced: await announcedAfterAWeek(connection) } };
  });

describe("During a rotation", { timeout: 60_000 }, () => {
  itEverywhere("a newer key that is staged at any point after the first read stays staged", async () => {
    const { found } = await duringRotation((connection) => world.stage(connection, world.key(connection, 3)));

    const late = { labels: { ...rotated, NEXT: 3 }, announced: [1] };
    const early = { labels: { AWSCURRENT: 3, AWSPREVIOUS: 1 }, announced: [1] };
    const readNext = found.findIndex(([, { labels }]) => labels["NEXT"] === 3);
    expect(readNext).toBeGreaterThan(0);
    for (const [nth, [point, state]] of found.entries()) {
      expect({ point, ...state }).toEqual({ point, ...(nth < readNext ? early : late) });
    }
  });

  itEverywhere(
    "a value that an operator stores at any point stays current, and every key that left is announced",
    async () => {
      const { found } = await duringRotation((connection) => {
        world.clock.advance(1);
        world.put(connection, world.key(connection, 3));
      });

      for (const [point, { labels, announced: keys }] of found) {
        const { AWSCURRENT, AWSPREVIOUS, ...others } = labels;
        expect(AWSCURRENT, point).toBe(3);
        expect({ point, others: Object.keys(others).filter((label) => label !== "NEXT") }).toEqual({
          point,
          others: [],
        });
        expect(others["NEXT"] ?? 2, point).toBe(2);
        // A key that is still under NEXT may be used later.
        const left = [2, 3].filter((number) => number !== AWSCURRENT && number !== others["NEXT"]);
        expect(keys, point).toEqual([1, ...left]);
        expect(AWSPREVIOUS, point).not.toBe(AWSCURRENT);
      }
    },
  );

  itEverywhere("a sweep that replaces the token at any point loses no key", async () => {
    const { found, undisturbed } = await duringRotation(async (connection) => {
      world.clock.advance(1800);
      await world.sweep(connection);
    });

    expect(undisturbed).toEqual({ labels: rotated, announced: [1] });
    for (const [point, state] of found) expect({ point, ...state }).toEqual({ point, ...undisturbed });
  });

  it("a rejected move of AWSCURRENT does not count as another value while the description lags behind the move", async () => {
    const connection = await prepare();
    const { secrets } = world.ports;
    let stale: Awaited<ReturnType<typeof secrets.describe>>;
    let lagging = 0;
    const lag: typeof secrets.describe = async (...args) => {
      if (lagging === 0) return secrets.describe(...args);
      lagging -= 1;
      return stale;
    };
    const moveLabel: typeof secrets.moveLabel = async (secretId, label, move) => {
      if (label !== "AWSCURRENT") return secrets.moveLabel(secretId, label, move);
      stale = await secrets.describe(secretId);
      lagging = 2;
      await secrets.moveLabel(secretId, label, move);
      // The response was lost, and the repeated request was rejected.
      return false;
    };
    world.onInvoke((event) => world.step(event, { secrets: { ...secrets, describe: lag, moveLabel } }));

    await world.rotate(connection);

    expect(numbers(connection)).toEqual(rotated);
    expect(eventsOf(connection).map(({ kind }) => kind)).toEqual(["api_key_rotated"]);
  });

  it("a rejected move of AWSCURRENT that no description explains is retried by Secrets Manager, without an event", async () => {
    const connection = await prepare();
    const { secrets } = world.ports;
    let rejected = 0;
    const moveLabel: typeof secrets.moveLabel = async (secretId, label, move) => {
      if (label !== "AWSCURRENT" || rejected > 0) return secrets.moveLabel(secretId, label, move);
      rejected += 1;
      return false;
    };
    world.onInvoke((event) => world.step(event, { secrets: { ...secrets, moveLabel } }));

    await world.rotate(connection);

    expect(numbers(connection)).toEqual(rotated);
    expect(eventsOf(connection).map(({ kind }) => kind)).toEqual(["api_key_rotated"]);
  });

  it("a value that an operator stores right before the move of AWSCURRENT stays current, and the rotation fails", async () => {
    const connection = await prepare();
    const { secrets } = world.ports;
    let hasStored = false;
    const moveLabel: typeof secrets.moveLabel = async (...args) => {
      // At the same instant as the pending version: its date does not show that it is newer.
      if (args[1] === "AWSCURRENT" && !hasStored) world.put(connection, world.key(connection, 3));
      hasStored = true;
      return secrets.moveLabel(...args);
    };
    world.onInvoke((event) => world.step(event, { secrets: { ...secrets, moveLabel } }));

    await world.rotate(connection);

    expect(numbers(connection)).toEqual({ AWSCURRENT: 3, AWSPREVIOUS: 1, NEXT: 2 });
    const detail = expect.stringContaining("That value is the current one now.");
    expect(eventsOf(connection)).toMatchObject([{ kind: "api_key_action_needed", reason: "superseded", detail }]);
  });

  it("a value that an operator stores stays current although its date cannot be read", async () => {
    const connection = await prepare();
    const { secrets } = world.ports;
    let stored: string | undefined;
    const createdAt: typeof secrets.createdAt = async (secretId, version) =>
      version === stored ? undefined : secrets.createdAt(secretId, version);
    world.onInvoke(async (event) => {
      if (event.Step === "finishSecret") {
        world.clock.advance(1);
        stored = world.put(connection, world.key(connection, 3));
      }
      await world.step(event, { secrets: { ...secrets, createdAt } });
    });

    await world.rotate(connection);

    expect(numbers(connection)).toEqual({ AWSCURRENT: 3, AWSPREVIOUS: 1, NEXT: 2 });
    expect(eventsOf(connection)).toMatchObject([{ kind: "api_key_action_needed", reason: "superseded" }]);
  });

  it("a rotation whose own date cannot be read does not move AWSCURRENT", async () => {
    const connection = await prepare();
    const { secrets } = world.ports;
    const createdAt: typeof secrets.createdAt = async (secretId, version) =>
      version === world.versionAt(connection, "AWSPENDING") ? undefined : secrets.createdAt(secretId, version);
    world.onInvoke((event) => world.step(event, { secrets: { ...secrets, createdAt } }));

    await world.rotate(connection);

    expect(numbers(connection)).toEqual({ AWSCURRENT: 1, NEXT: 2 });
  });

  it("a rotation is not superseded because the date of the current version can be read only after a moment", async () => {
    const connection = await prepare();
    const { secrets } = world.ports;
    let missing = 2;
    const createdAt: typeof secrets.createdAt = async (...args) => {
      missing -= 1;
      return missing < 0 ? secrets.createdAt(...args) : undefined;
    };
    world.onInvoke((event) => world.step(event, { secrets: { ...secrets, createdAt } }));

    await world.rotate(connection);

    expect(numbers(connection)).toEqual(rotated);
  });

  it("a value that an operator stores before createSecret's write stays current, although no read or date shows it", async () => {
    const connection = await prepare();
    const { secrets } = world.ports;
    const current = await secrets.read(world.nameOf(connection), { label: "AWSCURRENT" });
    let pendingAt: { version: string; at: number } | undefined;
    const putPending: typeof secrets.putPending = async (secretId, version, value) => {
      world.put(connection, world.key(connection, 3));
      world.clock.advance(1);
      await secrets.putPending(secretId, version, value);
      pendingAt ??= { version, at: world.clock.now() };
    };
    // As if Secrets Manager dated a pending version by the write of its value, not by the start of the rotation.
    const createdAt: typeof secrets.createdAt = async (secretId, version) =>
      version === pendingAt?.version ? pendingAt.at : secrets.createdAt(secretId, version);
    const read: typeof secrets.read = async (secretId, at) =>
      at.label === "AWSCURRENT" ? current : secrets.read(secretId, at);
    world.onInvoke((event) => world.step(event, { secrets: { ...secrets, putPending, createdAt, read } }));

    await world.rotate(connection);

    expect(numbers(connection)).toEqual({ AWSCURRENT: 3, AWSPREVIOUS: 1, NEXT: 2 });
    expect(eventsOf(connection)).toMatchObject([{ kind: "api_key_action_needed", reason: "superseded" }]);
  });

  it.each(["createSecret", "testSecret", "finishSecret"])(
    "%s keeps the fields of a value that an operator stored before, although its labels lag behind",
    async (lagging) => {
      const connection = await startConnection(world);
      const { secrets } = world.ports;
      const before = world.versionAt(connection, "AWSCURRENT") ?? "";
      world.put(connection, world.key(connection, 3, { maxLifetime: 7200 }));
      world.clock.advance(1);
      world.stage(connection, keyName(connection, 2));
      world.key(connection, 2);
      let isFirst = true;
      world.onInvoke((event) => {
        const lags = isFirst && event.Step === lagging;
        if (lags) isFirst = false;
        const stale: typeof secrets.describe = async (secretId) => {
          const description = await secrets.describe(secretId);
          if (!lags || !description) return description;
          const others = [...description.labels].filter(([, labels]) => !labels.includes("AWSCURRENT"));
          return { ...description, labels: new Map([...others, [before, ["AWSCURRENT"]]]) };
        };
        return world.step(event, { secrets: { ...secrets, describe: stale } });
      });

      await world.rotate(connection);

      expect(numbers(connection)).toEqual({ AWSCURRENT: 2, AWSPREVIOUS: 3 });
      expect(JSON.parse(world.texts(connection)["AWSCURRENT"] ?? "")).toMatchObject({ maxLifetime: 7200 });
      expect(eventsOf(connection).map(({ kind }) => kind)).toEqual(["api_key_rotated"]);
      expect(await announcedAfterAWeek(connection)).toEqual([1, 3]);
    },
  );

  it.each<[string, object]>([
    ["ends if nobody stores a value", rotated],
    ["keeps a newer value", { AWSCURRENT: 3, AWSPREVIOUS: 1, NEXT: 2 }],
  ])("a rotation that has the note of an earlier version %s", async (_what, labels) => {
    const connection = await prepare();
    const { table } = world.ports;
    const noteKey: typeof table.noteKey = (of, fingerprint, key, ...more) =>
      table.noteKey(of, fingerprint, { ...key, basedOn: "earlier other" }, ...more);
    world.onInvoke(async (event) => {
      if (event.Step === "finishSecret" && labels !== rotated) {
        world.clock.advance(1);
        world.put(connection, world.key(connection, 3));
      }
      await world.step(event, { table: { ...table, noteKey } });
    });

    await world.rotate(connection);

    expect(numbers(connection)).toEqual(labels);
  });
});

it.each(["createSecret", "setSecret", "testSecret", "finishSecret"])(
  "Each retry of a step over a version that has AWSPREVIOUS ends the rotation, and later ones do not undo an operator: %s",
  async (retried) => {
    const connection = await prepare();
    let hasDied = false;
    const goBack = () => world.moveLabel(connection, "AWSCURRENT", world.versionAt(connection, "AWSPREVIOUS"));
    world.onInvoke(async (event) => {
      if (event.Step !== "finishSecret" || hasDied) return world.step(event);
      hasDied = true;
      const noteKey = () => Promise.reject(new Error("died"));
      await world.step(event, { table: { ...world.ports.table, noteKey } }).catch(() => undefined);
      goBack();
      await world.step({ ...event, Step: retried as typeof event.Step }).catch(() => undefined);
      world.clock.advance(1);
      world.put(connection, world.key(connection, 3));
      goBack();
      throw new Error("died");
    });

    await world.rotate(connection);

    expect(numbers(connection)).toEqual({ AWSCURRENT: 1, AWSPREVIOUS: 3, NEXT: 2 });
    expect(eventsOf(connection)).toMatchObject([{ kind: "api_key_action_needed", reason: "superseded" }]);
  },
);

itEverywhere(
  "A rotation at any point of a replacement loses no key, and its key is used afterwards",
  {
    timeout: 60_000,
  },
  async () => {
    const { points, found } = await disturbEverywhere(async (at) => {
      const connection = await prepare();
      const { around, points: passed } = disturb(at, () => world.rotate(connection));
      world.clock.advance(1800);
      await world.sweep(connection, withPoints(world.ports, around));
      const labels = numbers(connection);
      const keys = await announcedAfterAWeek(connection);
      const isUsed = (await ownKey(connection)) === print(2, connection);
      return { points: passed, found: { labels, announced: keys, isUsed } };
    });

    expect(points).toContain("after table.write");
    for (const [point, state] of found) {
      expect({ point, ...state }).toEqual({ point, labels: rotated, announced: [1], isUsed: true });
    }
  },
);
