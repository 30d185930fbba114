import { describe, expect, it } from "vitest";
import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import { withPoints } from "../support/crash-points.ts";
import type { Scenario } from "../../local/simulator/scenario.ts";
import {
  connection,
  day,
  entryOf,
  keyOf,
  noticedReasons,
  ofAnotherScope,
  ownKey,
  print,
  sentReasons,
  useKeysWorld,
  world,
} from "./suite.ts";

useKeysWorld();

const reasons = () => ({ noticed: noticedReasons(), sent: sentReasons() });

/** Everything works as before, and only these labels are there. */
async function expectUnchanged(labels: Record<string, string>): Promise<void> {
  expect(world.labels(connection)).toEqual({ AWSCURRENT: keyOf(1), ...labels });
  world.clock.advance(1800);
  await world.sweep(connection);
  expect(await world.get(connection)).toMatchObject({ kind: "token" });
  expect(await ownKey()).toBe(print(1));
}

/** A good key needs no cleanup. */
async function expectSuccessWithAGoodOne(): Promise<void> {
  world.stage(connection, world.key(connection, 9));
  await world.rotate(connection);
  expect(world.labels(connection)).toEqual({ AWSCURRENT: keyOf(9), AWSPREVIOUS: keyOf(1) });
}

describe("A rotation without a key under NEXT", () => {
  it("fails with no_next_key, says what to do, changes nothing, and needs no cleanup", async () => {
    await world.rotate(connection);

    expect(reasons()).toEqual({ noticed: ["no_next_key"], sent: ["no_next_key"] });
    expect(world.events).toMatchObject([
      {
        detail: `No next key is staged under NEXT. The current key stays in use. Stage the next key with: broker keys stage ${connection}`,
      },
    ]);
    await expectUnchanged({});
    await expectSuccessWithAGoodOne();
  });

  it("fails with its own reason even if the event bus accepts no event", async () => {
    const events = { put: () => Promise.reject(new UnavailableError("EventBridge: down")) };
    let failure: unknown;
    world.onInvoke((event) =>
      world.step(event, { events }).catch((error: unknown) => {
        failure ??= error;
        throw error;
      }),
    );

    await world.rotate(connection);

    const message = expect.stringMatching(/^no_next_key: ./);
    expect(failure).toMatchObject({ name: "RotationError", reason: "no_next_key", message });
    expect(noticedReasons()).toEqual(["no_next_key"]);
    expect(world.notices).toContainEqual({ kind: "event_not_sent", connection, reason: "EventBridge: down" });
    expect(world.labels(connection)).toEqual({ AWSCURRENT: keyOf(1) });
  });

  it("fails for a secret without any value; once it has one, another rotation succeeds", async () => {
    const empty = `${connection}-empty` as ConnectionId;
    world.empty(empty);

    await world.rotate(empty);

    expect(sentReasons(empty)).toEqual(["no_next_key"]);
    expect(world.labels(empty)).toEqual({});
    world.put(empty, world.key(empty, 1));
    world.stage(empty, world.key(empty, 2));
    await world.rotate(empty);
    expect(world.labels(empty)).toEqual({ AWSCURRENT: keyOf(2, empty), AWSPREVIOUS: keyOf(1, empty) });
  });
});

describe("A bad key under NEXT never becomes current", () => {
  it.each<[string, string, () => string]>([
    [
      "upstream rejects it",
      "next_key_refused",
      () => {
        const text = world.key(connection, 2);
        world.simulator.revokeKey(keyOf(2));
        return text;
      },
    ],
    ["it is malformed", "next_key_malformed", () => JSON.stringify({ apiKey: "fake key 2" })],
    ["its token has another scope", "next_key_of_another_scope", () => world.key(connection, 2)],
    ["it is the current key", "no_next_key", () => keyOf(1)],
  ])("because %s", async (_why, reason, textOf) => {
    const text = textOf();
    world.stage(connection, text);
    world.onInvoke((event) => world.step(event, reason === "next_key_of_another_scope" ? ofAnotherScope() : {}));

    await world.rotate(connection);
    world.onInvoke();

    expect(reasons()).toEqual({ noticed: [reason], sent: [reason] });
    expect(JSON.stringify([world.events, world.notices])).not.toMatch(/fake[- ]key/);
    // Only the current key has no reason to stay staged.
    const stays = reason !== "no_next_key";
    expect(world.texts(connection)["NEXT"]).toBe(stays ? text : undefined);
    await expectUnchanged(stays ? { NEXT: world.labels(connection)["NEXT"] ?? "" } : {});
    await expectSuccessWithAGoodOne();
  });

  it.each<Scenario["mode"]>(["unavailable", "malformed"])(
    "while upstream cannot test it (mode %s), and the next attempt succeeds",
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

  it("but starts to retire after its test: the token of the test is still valid", async () => {
    world.stage(connection, world.key(connection, 2));
    world.onInvoke((event) => world.step(event, ofAnotherScope()));

    await world.rotate(connection);

    const now = world.clock.now();
    expect((await world.item(connection)).retiringKeys).toEqual({
      [print(2)]: { since: now, end: now + 7 * day + 60 },
    });
  });

  it("and is not tested at all if it is staged with another scope", async () => {
    const { exchange } = world.simulator.counts;
    world.stage(connection, JSON.stringify({ apiKey: keyOf(2), scope: "another" }));

    await world.rotate(connection);

    expect(sentReasons()).toEqual(["next_key_of_another_scope"]);
    expect(world.simulator.counts.exchange).toBe(exchange);
    expect(world.labels(connection)).toEqual({ AWSCURRENT: keyOf(1), NEXT: keyOf(2) });
  });
});

describe("A rotation to a key that upstream rejects", () => {
  function stageRejected(): void {
    world.stage(connection, world.key(connection, 2));
    world.simulator.revokeKey(keyOf(2));
  }

  it("removes AWSPENDING before it sends the event: a repeated step must not send it again", async () => {
    const calls: string[] = [];
    const ports = withPoints(world.ports, (call, act) => {
      calls.push(call);
      return act();
    });
    stageRejected();
    world.onInvoke((event) => world.step(event, event.Step === "testSecret" ? ports : {}));

    await world.rotate(connection);

    expect(calls.filter((call) => call === "secrets.moveLabel" || call === "events.put")).toEqual([
      "secrets.moveLabel",
      "events.put",
    ]);
  });

  it("reports that reason even if AWSPENDING cannot be removed", async () => {
    const moveLabel = () => Promise.reject(new UnavailableError("Secrets Manager: down"));
    stageRejected();
    world.onInvoke((event) => world.step(event, { secrets: { ...world.ports.secrets, moveLabel } }));

    await world.rotate(connection);

    expect(new Set(sentReasons())).toEqual(new Set(["next_key_refused"]));
    expect(world.notices).toContainEqual({
      kind: "secrets_unavailable",
      connection,
      reason: "Secrets Manager: down",
    });
  });
});

it.each(["read", "putPending"] as const)(
  "A rotation that an outage of the secret store ends leaves no AWSPENDING, so that another one can start: %s",
  async (call) => {
    const down = () => Promise.reject(new UnavailableError("Secrets Manager: down"));
    world.stage(connection, world.key(connection, 2));
    world.onInvoke((event) => world.step(event, { secrets: { ...world.ports.secrets, [call]: down } }));
    await world.rotate(connection);
    world.onInvoke();

    expect(world.labels(connection)).toEqual({ AWSCURRENT: keyOf(1), NEXT: keyOf(2) });
    await expectSuccessWithAGoodOne();
  },
);

describe("The test of the function, when rotation is turned on without an immediate rotation,", () => {
  const trial = async (on: ConnectionId) => {
    const faults: unknown[] = [];
    world.onInvoke((event) => world.step(event).catch((error: unknown) => void faults.push(error)));
    world.startRotation(on, undefined, { RotateImmediately: false });
    await world.clock.passUntil(world.secrets.rotationsSettled());
    return faults;
  };

  it("passes on an empty pending version, calls nothing and changes nothing", async () => {
    const { exchange } = world.simulator.counts;
    world.stage(connection, world.key(connection, 2));

    expect(await trial(connection)).toEqual([]);
    expect(world.simulator.counts.exchange).toBe(exchange);
    expect(world.labels(connection)).toEqual({ AWSCURRENT: keyOf(1), NEXT: keyOf(2) });
  });

  it("passes at once on a secret without a value", async () => {
    const empty = `${connection}-trial` as ConnectionId;
    world.empty(empty);
    const startedAt = world.clock.now();

    expect(await trial(empty)).toEqual([]);
    // A deployment tests the function once for each empty secret: a wait would take up the few executions of a small account.
    expect(world.clock.now()).toBe(startedAt);
    expect(await world.table.raw(empty)).toBeUndefined();
  });

  it("passes without an API-key request on a pending version that equals the current one", async () => {
    const { exchange } = world.simulator.counts;
    const same = world.put(connection, world.key(connection, 1), ["AWSPENDING"]);
    const SecretId = world.secrets.store.describeSecret({ SecretId: world.nameOf(connection) }).ARN;

    await world.step({ Step: "testSecret", SecretId, ClientRequestToken: same });

    expect(world.simulator.counts.exchange).toBe(exchange);
    expect(await entryOf(1)).toBeUndefined();
    expect((await world.item(connection)).retiringKeys).toEqual({});
  });
});
