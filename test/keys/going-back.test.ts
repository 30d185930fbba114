import { describe, expect, it } from "vitest";
import { fingerprintOf } from "./operator.ts";
import { connection, day, keyOf, world } from "./suite.ts";

/** The key of the stored token. */
const ownKey = async () => (await world.item(connection)).tokenSet?.keyFingerprint;

describe("the previous key, put back by one command", () => {
  /** Rotates to a key that is revoked afterwards, then moves AWSCURRENT back. */
  async function goBack(): Promise<void> {
    world.stage(connection, world.key(connection, 2));
    await world.rotate(connection);
    await world.sweep(connection);
    world.simulator.revokeKey(keyOf(2));
  }

  it("is used at the next attempt, and is retiring no more; the other key is", async () => {
    await goBack();
    world.moveLabel(connection, "AWSCURRENT", world.versionAt(connection, "AWSPREVIOUS"));
    world.clock.advance(1800);

    await world.sweep(connection);

    const { tokenSet, retiringKeys = {} } = await world.item(connection);
    expect(tokenSet?.keyFingerprint).toBe(fingerprintOf(keyOf(1)));
    expect(Object.keys(retiringKeys)).toEqual([fingerprintOf(keyOf(2))]);
    expect(retiringKeys[fingerprintOf(keyOf(2))]?.end).toBe(world.clock.now() + 7 * day + 60);
  });

  it("is used within a minute of a refusal's backoff, for whoever asks", async () => {
    await goBack();
    world.simulator.setScenario({ mode: "refused", on: "refresh" });
    world.clock.advance(3600);
    expect(await world.get(connection)).toMatchObject({ failure: { code: "credentials_rejected" } });
    world.clock.advance(60);
    expect(await world.get(connection)).toMatchObject({ failure: { code: "credentials_rejected" } });
    world.moveLabel(connection, "AWSCURRENT", world.versionAt(connection, "AWSPREVIOUS"));
    world.clock.advance(60);

    const answer = await world.get(connection);

    world.simulator.setScenario({ mode: "ok", on: "both" });
    expect(answer).toMatchObject({ kind: "token" });
    expect(await ownKey()).toBe(fingerprintOf(keyOf(1)));
  });
});
