import { describe, expect, it } from "vitest";
import { connection, day, entryOf, keyOf, ownKey, print, rotateTo, useKeysWorld, world } from "./suite.ts";

useKeysWorld();

const moveBack = () => world.moveLabel(connection, "AWSCURRENT", world.versionAt(connection, "AWSPREVIOUS"));

describe("A previous key that an operator makes current again", () => {
  it("is used by the next replacement and is no longer retiring; the other key is", async () => {
    await rotateTo(2);
    world.simulator.revokeKey(keyOf(2));
    moveBack();
    world.clock.advance(1800);

    await world.sweep(connection);

    expect(await ownKey()).toBe(print(1));
    expect(await entryOf(1)).toBeUndefined();
    expect((await entryOf(2))?.end).toBe(world.clock.now() + 7 * day + 60);
  });

  it("is used by the next request, at most a minute after it, during the backoff of a rejection", async () => {
    await rotateTo(2);
    world.simulator.revokeKey(keyOf(2));
    world.simulator.setScenario({ mode: "refused", on: "refresh" });
    for (const seconds of [3600, 60]) {
      world.clock.advance(seconds);
      expect(await world.get(connection)).toMatchObject({ failure: { code: "credentials_rejected" } });
    }
    moveBack();
    world.clock.advance(60);

    expect(await world.get(connection)).toMatchObject({ kind: "token" });
    expect(await ownKey()).toBe(print(1));
  });

  it("stays current although the finishSecret that stalled before its move runs on", async () => {
    const { secrets } = world.ports;
    world.stage(connection, world.key(connection, 2));
    let hasStalled = false;
    world.onInvoke((event) => {
      const createdAt: typeof secrets.createdAt = async (...args) => {
        if (event.Step === "finishSecret" && !hasStalled) {
          hasStalled = true;
          // Secrets Manager repeats the step, which succeeds.
          await world.step(event);
          moveBack();
        }
        return secrets.createdAt(...args);
      };
      return world.step(event, { secrets: { ...secrets, createdAt } });
    });

    await world.rotate(connection);

    expect(world.labels(connection)).toEqual({ AWSCURRENT: keyOf(1), AWSPREVIOUS: keyOf(2) });
    expect(world.events.filter(({ kind }) => kind === "api_key_rotated")).toHaveLength(1);
  });
});
