import { expect, it } from "vitest";
import { credentialAges } from "../../functions/token-rotation/rules/credential-ages.ts";
import { refreshTokenMargin } from "../../functions/auth-core/rules/tokens/token-set.ts";
import { sweep } from "../../functions/token-rotation/use-cases/sweep.ts";
import { startWorld } from "../support/world.ts";
import { itemOf, startConnections } from "./sweep-world.ts";

it.each([0, 0.5, 1])(
  "A connection whose API key is revoked is reported while its last token is valid, with the random number %d",
  async (random) => {
    const lifetime = 3600;
    const untilMargin = 2 * lifetime;
    const scenario = { lifetime, refreshLifetime: refreshTokenMargin + untilMargin, rotateRefresh: false };
    const world = await startWorld(scenario);
    const startedAt = world.clock.now();
    const [connection] = await startConnections(world, "webapicorso");
    world.simulator.revokeKey("fake-key-1");
    const reported: number[] = [];
    const isOver = () => world.clock.now() > startedAt + untilMargin + lifetime;
    const ports = { ...world.ports, random: () => random };

    while (!isOver()) {
      world.clock.advance(60);
      await sweep(
        ports,
        { shard: 0, shards: 1 },
        (error) => expect.unreachable(String(error)),
        async (item) => {
          if (credentialAges(item, world.clock.now()).refreshTokenEnds) reported.push(world.clock.now());
          return false;
        },
      );
    }

    const { tokenSet } = await itemOf(world, connection!);
    expect(world.callCounts().refreshes).toBeGreaterThanOrEqual(3);
    expect(reported[0]).toBeGreaterThan(startedAt + untilMargin);
    expect(reported[0]).toBeLessThan(tokenSet?.accessTokenExpiresAt ?? 0);
  },
  30_000,
);
