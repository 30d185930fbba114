import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import type { Scenario } from "../../local/simulator/scenario.ts";
import { fingerprintOf, keyName } from "./operator.ts";
import { type KeysWorld, startConnection, startKeysWorld } from "./world.ts";

let world: KeysWorld;
let connection: ConnectionId;

beforeAll(async () => {
  world = await startKeysWorld();
});
afterAll(() => world.close());
beforeEach(async () => {
  connection = await startConnection(world);
  world.events.length = 0;
  world.notices.length = 0;
});
afterEach(() => {
  world.onInvoke();
  world.simulator.setScenario({ mode: "ok" });
});

const keyOf = (number: number) => keyName(connection, number);

/** The reasons of which the operator was told, by log and metric, and by event. */
const reasons = () => ({
  noticed: world.notices.flatMap((notice) => (notice.kind === "api_key_action_needed" ? [notice.reason] : [])),
  sent: world.events.flatMap((event) => (event.kind === "api_key_action_needed" ? [event.reason] : [])),
});

/** Everything works as before, and no label but these is there. */
async function expectUnchanged(labels: Record<string, string>): Promise<void> {
  expect(world.labels(connection)).toEqual({ AWSCURRENT: keyOf(1), ...labels });
  world.clock.advance(1800);
  await world.sweep(connection);
  expect(await world.get(connection)).toMatchObject({ kind: "token" });
  expect((await world.item(connection)).tokenSet?.keyFingerprint).toBe(fingerprintOf(keyOf(1)));
}

/** An upstream whose tokens say another scope. */
function ofAnotherScope() {
  const { upstream } = world.ports;
  const call: typeof upstream.call = async (...asked) => {
    const answer = await upstream.call(...asked);
    return answer.kind === "tokens" ? { ...answer, tokens: { ...answer.tokens, scope: "yet-another" } } : answer;
  };
  return { upstream: { call } };
}

async function expectSuccessWithAGoodOne(): Promise<void> {
  world.stage(connection, world.key(connection, 9));
  await world.rotate(connection);
  expect(world.labels(connection)).toEqual({ AWSCURRENT: keyOf(9), AWSPREVIOUS: keyOf(1) });
}

describe("a rotation that finds no key under NEXT", () => {
  it("fails with no_next_key, leaves everything working, and one that is staged needs no cleaning up", async () => {
    await world.rotate(connection);

    expect(reasons()).toEqual({ noticed: ["no_next_key"], sent: ["no_next_key"] });
    await expectUnchanged({});
    await expectSuccessWithAGoodOne();
  });

  it("tells of it though the bus takes no event", async () => {
    const events = { put: () => Promise.reject(new UnavailableError("EventBridge: down")) };
    let failure: unknown;
    world.onInvoke((event) =>
      world.step(event, { events }).catch((error: unknown) => {
        failure ??= error;
        throw error;
      }),
    );

    await world.rotate(connection);

    expect(failure).toMatchObject({ name: "RotationError", reason: "no_next_key" });
    expect(reasons().noticed).toEqual(["no_next_key"]);
    expect(world.notices).toContainEqual({ kind: "event_not_sent", connection, reason: "EventBridge: down" });
    expect(world.labels(connection)).toEqual({ AWSCURRENT: keyOf(1) });
  });
});

describe("a key under NEXT that is no good never becomes current", () => {
  it.each<[string, string, () => string]>([
    [
      "because upstream refuses it",
      "next_key_refused",
      () => {
        const text = world.key(connection, 2);
        world.simulator.revokeKey(keyOf(2));
        return text;
      },
    ],
    ["because it is malformed", "next_key_malformed", () => JSON.stringify({ apiKey: "fake key 2" })],
    ["because it is another scope's", "next_key_of_another_scope", () => world.key(connection, 2)],
    ["because it is the current one", "no_next_key", () => keyOf(1)],
  ])("%s", async (_why, reason, textOf) => {
    const text = textOf();
    world.stage(connection, text);
    // The simulator's tokens have the scope that was asked for; those of another environment's key would not.
    world.onInvoke((event) => world.step(event, reason === "next_key_of_another_scope" ? ofAnotherScope() : {}));

    await world.rotate(connection);
    world.onInvoke();

    expect(reasons()).toEqual({ noticed: [reason], sent: [reason] });
    expect(JSON.stringify([world.events, world.notices])).not.toMatch(/fake[- ]key/);
    // Only what is in use already has no reason to stay staged.
    const stays = reason !== "no_next_key";
    expect(world.texts(connection)["NEXT"]).toBe(stays ? text : undefined);
    await expectUnchanged(stays ? { NEXT: world.labels(connection)["NEXT"] ?? "" } : {});
    await expectSuccessWithAGoodOne();
  });

  it.each<Scenario["mode"]>(["unavailable", "rate_limited", "malformed", "reset", "redirect", "oversized"])(
    "before it was tested: upstream's mode is %s, and the next attempt succeeds",
    async (mode) => {
      world.stage(connection, world.key(connection, 2));
      world.simulator.setScenario({ mode });

      await world.rotate(connection);
      world.simulator.setScenario({ mode: "ok" });

      expect(reasons()).toEqual({ noticed: ["upstream_unavailable"], sent: ["upstream_unavailable"] });
      expect(world.labels(connection)).toEqual({ AWSCURRENT: keyOf(1), NEXT: keyOf(2) });
      await world.rotate(connection);
      expect(world.labels(connection)).toEqual({ AWSCURRENT: keyOf(2), AWSPREVIOUS: keyOf(1) });
    },
  );

  it("where the secret has no value at all: the rotation fails, and once it has one another succeeds", async () => {
    const empty = `${connection}-empty` as ConnectionId;
    world.empty(empty);

    await world.rotate(empty);

    expect(reasons().sent).toEqual(["no_next_key"]);
    expect(world.labels(empty)).toEqual({});
    world.put(empty, world.key(empty, 1));
    world.stage(empty, world.key(empty, 2));
    await world.rotate(empty);
    expect(world.labels(empty)).toEqual({ AWSCURRENT: keyName(empty, 2), AWSPREVIOUS: keyName(empty, 1) });
  });
});

describe("a key that was tested and is no good", () => {
  it("begins to retire: the token that its test got was thrown away, but lives", async () => {
    world.stage(connection, world.key(connection, 2));
    world.onInvoke((event) => world.step(event, ofAnotherScope()));

    await world.rotate(connection);

    const { retiringKeys } = await world.item(connection);
    const now = world.clock.now();
    expect(retiringKeys).toEqual({ [fingerprintOf(keyOf(2))]: { since: now, end: now + 7 * 86_400 + 60 } });
  });

  it("is not even tested where it is staged with another scope", async () => {
    const { exchange } = world.simulator.counts;
    world.stage(connection, JSON.stringify({ apiKey: keyOf(2), scope: "another" }));

    await world.rotate(connection);

    expect(reasons().sent).toEqual(["next_key_of_another_scope"]);
    expect(world.simulator.counts.exchange).toBe(exchange);
    expect(world.labels(connection)).toEqual({ AWSCURRENT: keyOf(1), NEXT: keyOf(2) });
  });
});

describe("the dry test, when rotation is switched on without an immediate one", () => {
  const dry = async (on: ConnectionId) => {
    const faults: unknown[] = [];
    world.onInvoke((event) => world.step(event).catch((error: unknown) => void faults.push(error)));
    world.startRotation(on, undefined, { RotateImmediately: false });
    await world.clock.passUntil(world.secrets.rotationsSettled());
    return faults;
  };

  it("passes on an empty pending version, calls nobody and changes nothing", async () => {
    const { exchange } = world.simulator.counts;
    world.stage(connection, world.key(connection, 2));

    const faults = await dry(connection);

    expect(faults).toEqual([]);
    expect(world.simulator.counts.exchange).toBe(exchange);
    expect(world.labels(connection)).toEqual({ AWSCURRENT: keyOf(1), NEXT: keyOf(2) });
  });

  it("passes on a secret that is empty itself", async () => {
    const empty = `${connection}-dry` as ConnectionId;
    world.empty(empty);

    expect(await dry(empty)).toEqual([]);
    expect(await world.table.raw(empty)).toBeUndefined();
  });

  it("passes on a pending version that is equal to the current one, with no exchange", async () => {
    const { exchange } = world.simulator.counts;
    const same = world.put(connection, world.key(connection, 1), ["AWSPENDING"]);
    const SecretId = world.secrets.store.describeSecret({ SecretId: world.nameOf(connection) }).ARN;

    await world.step({ Step: "testSecret", SecretId, ClientRequestToken: same });

    expect(world.simulator.counts.exchange).toBe(exchange);
    expect((await world.item(connection)).retiringKeys).toEqual({});
  });
});
