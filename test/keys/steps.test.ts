import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import { connection, day, entryOf, keyOf, print, useKeysWorld, world } from "./suite.ts";

useKeysWorld();

const unknownVersion: string = randomUUID();
type StepName = "createSecret" | "setSecret" | "testSecret" | "finishSecret";
const event = (Step: StepName, token = unknownVersion, of = connection) => ({
  Step,
  ClientRequestToken: token,
  SecretId: world.secrets.store.describeSecret({ SecretId: world.nameOf(of) }).ARN,
});

/** Stages key 2 and makes it current, as a rotation does that dies right afterwards. The version. */
function moveCurrent(of = connection): string {
  const staged = world.stage(of, world.key(of, 2));
  world.moveLabel(of, "AWSCURRENT", staged);
  return staged;
}

describe("A step", () => {
  it("is rejected for a version that is not pending or does not exist", async () => {
    const staged = world.stage(connection, world.key(connection, 2));

    for (const step of ["createSecret", "testSecret", "finishSecret"] as const) {
      await expect(world.step(event(step, staged))).rejects.toThrow("is not staged AWSPENDING");
      await expect(world.step(event(step))).rejects.toThrow("has no version");
    }

    expect(world.labels(connection)).toEqual({ AWSCURRENT: keyOf(1), NEXT: keyOf(2) });
  });

  it.each<StepName>(["createSecret", "setSecret", "testSecret"])(
    "does nothing for a version that is already current: %s",
    async (step) => {
      const { exchange } = world.simulator.counts;
      const reads = world.secrets.calls.get("GetSecretValue");

      await world.step(event(step, world.versionAt(connection, "AWSCURRENT")));

      expect(world.simulator.counts.exchange).toBe(exchange);
      expect(world.secrets.calls.get("GetSecretValue")).toBe(reads);
    },
  );

  it("reads a pending value again that lags behind its write or is missing later, and waits less than two seconds for each", async () => {
    const { secrets } = world.ports;
    const pending = world.put(connection, world.key(connection, 2), ["AWSPENDING"]);
    let reads = 0;
    const read: typeof secrets.read = async (...args) => {
      const isPending = args[1].version === pending;
      if (isPending) reads += 1;
      return isPending && (reads < 4 || reads === 5) ? undefined : secrets.read(...args);
    };
    const before = world.clock.now();
    const { exchange } = world.simulator.counts;

    await world.clock.passUntil(world.step(event("testSecret", pending), { secrets: { ...secrets, read } }));

    expect(world.simulator.counts.exchange).toBe(exchange + 1);
    expect(world.clock.now() - before).toBe(1.75 + 0.25);
  });

  it("reads the staged and the outgoing value again if they are missing", async () => {
    const { secrets } = world.ports;
    const staged = world.stage(connection, world.key(connection, 2));
    const outgoing = world.versionAt(connection, "AWSCURRENT");
    world.onInvoke((step) => {
      const lagging = new Set([step.Step === "createSecret" ? staged : outgoing]);
      const read: typeof secrets.read = async (...args) =>
        lagging.delete(args[1].version) ? undefined : secrets.read(...args);
      return world.step(step, { secrets: { ...secrets, read } });
    });

    await world.rotate(connection);

    expect(world.labels(connection)).toEqual({ AWSCURRENT: keyOf(2), AWSPREVIOUS: keyOf(1) });
    expect((await entryOf(1))?.end).toBeGreaterThan(0);
    expect(world.events.map(({ kind }) => kind)).toEqual(["api_key_rotated"]);
  });
});

describe("createSecret", () => {
  it("changes nothing if the pending version has a value, although another key is staged now", async () => {
    const pending = world.put(connection, world.key(connection, 2), ["AWSPENDING"]);
    world.stage(connection, world.key(connection, 3));

    await world.step(event("createSecret", pending));

    expect(world.labels(connection)).toEqual({ AWSCURRENT: keyOf(1), AWSPENDING: keyOf(2), NEXT: keyOf(3) });
  });

  it.each<[string, string | undefined]>([
    ["has another value than its labels say", "{}"],
    ["cannot be read", undefined],
  ])("is repeated, and reports nothing, if the current version %s", async (_what, text) => {
    const { secrets } = world.ports;
    world.stage(connection, world.key(connection, 2));
    let lagging = 1;
    const read: typeof secrets.read = async (...args) =>
      args[1].label === "AWSCURRENT" && lagging-- > 0 ? text : secrets.read(...args);
    world.onInvoke((step) => world.step(step, { secrets: { ...secrets, read } }));

    await world.rotate(connection);

    expect(world.labels(connection)).toEqual({ AWSCURRENT: keyOf(2), AWSPREVIOUS: keyOf(1) });
    expect(world.events.map(({ kind }) => kind)).toEqual(["api_key_rotated"]);
  });
});

describe("testSecret", () => {
  it("leaves its note only after the test, so that no other step finishes the rotation before", async () => {
    const { upstream } = world.ports;
    const pending = world.put(connection, world.key(connection, 2), ["AWSPENDING"]);
    const during: unknown[] = [];
    const call: typeof upstream.call = async (...args) => {
      during.push(await world.step(event("finishSecret", pending)).catch(String));
      return upstream.call(...args);
    };

    await world.step(event("testSecret", pending), { upstream: { call } });

    expect(during).toEqual([expect.stringContaining("was not tested")]);
    expect(await entryOf(2)).toMatchObject({ testedVersion: pending });
  });

  it("does not call upstream if the pending value is gone when its key is noted", async () => {
    const { secrets, table } = world.ports;
    const pending = world.put(connection, world.key(connection, 2), ["AWSPENDING"]);
    const { exchange } = world.simulator.counts;
    let isGone = false;
    const ports = {
      secrets: {
        ...secrets,
        read: (async (...args) => (isGone ? undefined : secrets.read(...args))) as typeof secrets.read,
      },
      table: {
        ...table,
        noteKey: (async (...args) => {
          isGone = true;
          return table.noteKey(...args);
        }) as typeof table.noteKey,
      },
    };

    const tested = world.clock.passUntil(world.step(event("testSecret", pending), ports));

    await expect(tested).rejects.toThrow("changed during its test");
    expect(world.simulator.counts.exchange).toBe(exchange);
  });

  it("passes if upstream does not name the scope of the token", async () => {
    const { upstream } = world.ports;
    const pending = world.put(connection, world.key(connection, 2), ["AWSPENDING"]);
    const { nextActionAt } = await world.item(connection);
    const call: typeof upstream.call = async (...args) => {
      const answer = await upstream.call(...args);
      return answer.kind === "tokens" ? { ...answer, tokens: { ...answer.tokens, scope: undefined } } : answer;
    };

    await world.step(event("testSecret", pending), { upstream: { call } });

    expect(world.labels(connection)["AWSPENDING"]).toBe(keyOf(2));
    // Only with singleActiveToken the test invalidates the stored token.
    expect((await world.item(connection)).nextActionAt).toBe(nextActionAt);
  });
});

describe("finishSecret", () => {
  it("does not move AWSCURRENT if the pending key was tested in another version only", async () => {
    const pending = world.put(connection, world.key(connection, 2), ["AWSPENDING"]);
    await world.ports.table.noteKey(connection, print(2), { since: 1, testedVersion: unknownVersion });

    await expect(world.step(event("finishSecret", pending))).rejects.toThrow("was not tested");

    expect(world.labels(connection)).toEqual({ AWSCURRENT: keyOf(1), AWSPENDING: keyOf(2) });
  });

  it("leaves another key under NEXT, which an operator staged during the rotation", async () => {
    const pending = world.put(connection, world.key(connection, 2), ["AWSPENDING"]);
    await world.step(event("testSecret", pending));
    world.stage(connection, world.key(connection, 3));

    await world.step(event("finishSecret", pending));

    expect(world.labels(connection)).toEqual({ AWSCURRENT: keyOf(2), AWSPREVIOUS: keyOf(1), NEXT: keyOf(3) });
  });

  it("does not note the current key as retiring if AWSPREVIOUS has the same key", async () => {
    const version = world.stage(connection, world.key(connection, 1, { maxLifetime: 7200 }));
    world.moveLabel(connection, "AWSCURRENT", version);

    await world.step(event("finishSecret", version));

    expect(await entryOf(1)).toBeUndefined();
  });

  it("does not move AWSCURRENT if its version has lost AWSPENDING since the step started", async () => {
    const { secrets } = world.ports;
    const pending = world.put(connection, world.key(connection, 2), ["AWSPENDING"]);
    await world.step(event("testSecret", pending));
    const createdAt: typeof secrets.createdAt = async (...args) => {
      await secrets.moveLabel(world.nameOf(connection), "AWSPENDING", { from: pending });
      return secrets.createdAt(...args);
    };

    const finished = world.step(event("finishSecret", pending), { secrets: { ...secrets, createdAt } });

    await expect(finished).rejects.toThrow("was cancelled");
    expect(world.labels(connection)).toEqual({ AWSCURRENT: keyOf(1) });
  });

  it("is repeated if replacements hold the lease for its whole wait, and makes the connection due then", async () => {
    const { table } = world.ports;
    world.stage(connection, world.key(connection, 2));
    const until = world.clock.now() + 25;
    const makeDue: typeof table.makeDue = async (...args) => world.clock.now() >= until && table.makeDue(...args);
    world.onInvoke((step) => world.step(step, { table: { ...table, makeDue } }));

    await world.rotate(connection);

    expect(world.labels(connection)).toEqual({ AWSCURRENT: keyOf(2), AWSPREVIOUS: keyOf(1) });
    expect((await world.item(connection)).nextActionAt).toBe(world.clock.now());
    expect(world.events.map(({ kind }) => kind)).toEqual(["api_key_rotated"]);
  });

  it("keeps AWSPENDING after AWSCURRENT has moved, although the table is unavailable, and completes when it runs again", async () => {
    const pending = world.put(connection, world.key(connection, 2), ["AWSPENDING"]);
    await world.step(event("testSecret", pending));
    const noteKey = () => Promise.reject(new UnavailableError("DynamoDB: down"));

    const finished = world.step(event("finishSecret", pending), { table: { ...world.ports.table, noteKey } });

    await expect(finished).rejects.toThrow(UnavailableError);
    // Until AWSPENDING leaves, no other rotation can displace AWSPREVIOUS, whose key is not noted yet.
    expect(world.labels(connection)).toEqual({ AWSCURRENT: keyOf(2), AWSPENDING: keyOf(2), AWSPREVIOUS: keyOf(1) });
    await world.step(event("finishSecret", pending));
    expect(world.labels(connection)).toEqual({ AWSCURRENT: keyOf(2), AWSPREVIOUS: keyOf(1) });
    expect((await entryOf(1))?.end).toBeGreaterThan(0);
  });

  it("notes the outgoing key even if descriptions lag behind the move", async () => {
    const pending = world.put(connection, world.key(connection, 2), ["AWSPENDING"]);
    const { secrets } = world.ports;
    await world.step(event("testSecret", pending));
    const stale = await secrets.describe(world.nameOf(connection));

    await world.step(event("finishSecret", pending), { secrets: { ...secrets, describe: async () => stale } });

    expect(world.labels(connection)).toEqual({ AWSCURRENT: keyOf(2), AWSPREVIOUS: keyOf(1) });
    expect((await entryOf(1))?.end).toBeGreaterThan(0);
  });

  it("postpones no end when it runs again", async () => {
    const staged = moveCurrent();
    await world.step(event("finishSecret", staged));
    const before = (await world.item(connection)).retiringKeys;
    world.clock.advance(45);

    await world.step(event("finishSecret", staged));

    expect((await world.item(connection)).retiringKeys).toEqual(before);
    expect(before).toHaveProperty([print(1), "end"]);
  });

  it("adds a connection without a token to the index when it runs again, if the run before could not", async () => {
    const cold = `${connection}-colder` as ConnectionId;
    world.put(cold, world.key(cold, 1));
    const staged = moveCurrent(cold);
    const end = world.clock.now() + 7 * day + 60;
    const { table } = world.ports;
    // As if the table had failed between the entry and the index.
    await table.noteKey(cold, print(1, cold), { since: world.clock.now(), end });
    await table.reschedule(cold, end, undefined);

    await world.step(event("finishSecret", staged, cold));

    expect((await world.item(cold)).nextActionAt).toBe(end);
  });
});
