import { expect, it } from "vitest";
import { dyingAt, startRotationWorld } from "./rotation-world.ts";

it.each(["before", "after"] as const)(
  "A rotation in moto ends correctly after a death %s any of its calls",
  async (when) => {
    const world = await startRotationWorld();
    let deaths = 0;

    for (let nth = 1; ; nth += 1) {
      const secret = await world.register();
      const apiKey = await world.stage(secret);
      const version = await world.begin(secret);
      const dying = dyingAt(world.secrets, nth, when);
      await world.run(secret, version, dying.secrets).catch(() => undefined);
      if (!dying.hasDied()) break;
      deaths += 1;

      await world.run(secret, version);

      const labels = { [secret.first]: ["AWSPREVIOUS"], [version]: ["AWSCURRENT"] };
      expect([nth, await world.labels(secret), await world.key(secret)]).toEqual([nth, labels, apiKey]);
    }

    expect(deaths).toBeGreaterThan(15);
  },
);
