import { describe, expect, it } from "vitest";
import { dyingAt, startRotationWorld } from "./rotation-world.ts";

describe("A rotation in moto", () => {
  it.each(["before", "after"] as const)("ends correctly after a death %s any of its calls", async (when) => {
    const world = await startRotationWorld();
    let deaths = 0;

    for (let nth = 1; ; nth += 1) {
      const secret = await world.register();
      const { apiKey } = await world.stage(secret);
      const version = await world.begin(secret);
      const dying = dyingAt(world.secrets, nth, when);
      await world.run(secret, version, undefined, dying.secrets).catch(() => undefined);
      if (!dying.hasDied()) break;
      deaths += 1;

      await world.run(secret, version);

      const labels = { [secret.first]: ["AWSPREVIOUS"], [version]: ["AWSCURRENT"] };
      expect([nth, await world.labels(secret), await world.key(secret)]).toEqual([nth, labels, apiKey]);
    }

    expect(deaths).toBeGreaterThan(15);
  });

  it("changes nothing when it runs again after its end", async () => {
    const world = await startRotationWorld();
    const secret = await world.register();
    await world.stage(secret);
    const version = await world.begin(secret);
    await world.run(secret, version);
    const labels = await world.labels(secret);

    await world.run(secret, version);

    expect(await world.labels(secret)).toEqual(labels);
  });

  it("fails without a next key, and does not block the next rotation", async () => {
    const world = await startRotationWorld();
    const secret = await world.register();

    const failed = world.run(secret, await world.begin(secret));
    await expect(failed).rejects.toMatchObject({ reason: "no_next_key" });
    const labels = await world.labels(secret);
    const { apiKey } = await world.stage(secret);
    const version = await world.begin(secret);
    await world.run(secret, version);

    expect(labels).toEqual({ [secret.first]: ["AWSCURRENT"] });
    expect(await world.labels(secret)).toEqual({ [secret.first]: ["AWSPREVIOUS"], [version]: ["AWSCURRENT"] });
    expect(await world.key(secret)).toBe(apiKey);
  });

  it("fails with a key that upstream rejects, and the key stays staged", async () => {
    const world = await startRotationWorld();
    const secret = await world.register();
    const { apiKey, version: staged } = await world.stage(secret);
    world.simulator.revokeKey(apiKey);

    const failed = world.run(secret, await world.begin(secret));

    await expect(failed).rejects.toMatchObject({ reason: "next_key_refused" });
    expect(await world.labels(secret)).toEqual({ [secret.first]: ["AWSCURRENT"], [staged]: ["NEXT"] });
  });

  it("leaves a newer key staged that was stored during the rotation", async () => {
    const world = await startRotationWorld();
    const secret = await world.register();
    const { apiKey } = await world.stage(secret);
    const version = await world.begin(secret);
    await world.run(secret, version, ["createSecret"]);
    const newer = await world.stage(secret);

    await world.run(secret, version, ["setSecret", "testSecret", "finishSecret"]);

    expect(await world.key(secret)).toBe(apiKey);
    expect(await world.labels(secret)).toEqual({
      [secret.first]: ["AWSPREVIOUS"],
      [version]: ["AWSCURRENT"],
      [newer.version]: ["NEXT"],
    });
  });

  it("succeeds ten times in a row", async () => {
    const world = await startRotationWorld();
    const secret = await world.register();
    let previous = secret.first;

    for (let round = 1; round <= 10; round += 1) {
      const { apiKey } = await world.stage(secret);
      const version = await world.begin(secret);
      await world.run(secret, version);

      expect([round, await world.key(secret)]).toEqual([round, apiKey]);
      expect(await world.labels(secret)).toEqual({ [previous]: ["AWSPREVIOUS"], [version]: ["AWSCURRENT"] });
      previous = version;
    }
  });
});
