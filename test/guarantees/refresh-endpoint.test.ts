import { describe, expect, it } from "vitest";
import type { Ports } from "../../functions/auth-core/use-cases/ports.ts";
import { live, troubles } from "./life.ts";
import { startSteppedWorld } from "./stepped-world.ts";

/** How the refresh endpoint is broken, and what of it is not the simulator's to play: five seconds of silence. */
const breakages = [
  ["times out", "hang"],
  ["answers HTML", "html"],
  ["answers 500", "error"],
] as const;

async function startWithBroken(mode: (typeof breakages)[number][1]) {
  const world = await startSteppedWorld({ lifetime: 600, on: "refresh", mode: mode === "hang" ? "ok" : mode });
  const connection = world.register("webapicorso");
  let hangs = 0;
  const upstream: Ports["upstream"] = {
    async call(request, registration) {
      if (mode !== "hang" || request.grant === "api_key") return world.ports.upstream.call(request, registration);
      hangs += 1;
      await world.clock.sleep(5);
      return { kind: "temporary", reason: "fake timeout", rateLimited: false };
    },
  };
  await world.service({ upstream }).get(connection, { minTtl: 60 });
  return { ...world, connection, upstream, refreshes: () => hangs + world.asked().refreshes };
}

describe.each(breakages)("a refresh endpoint that %s while the exchange works", (_, mode) => {
  it("is seen by no caller, life after life", async () => {
    const { connection, upstream, refreshes, ...world } = await startWithBroken(mode);

    const asked = await live(world, connection, { seconds: 1500, minTtl: 60, ports: { upstream } });

    expect(troubles(asked)).toEqual({ failures: 0, expired: 0, waits: 0 });
    expect(asked.at(-1)?.answer).toMatchObject({ kind: "token", set: { obtainedBy: "api_key" } });
    expect(refreshes()).toBeGreaterThan(0);
    expect(world.asked().exchanges).toBeGreaterThanOrEqual(4);
  });

  it("costs no caller more than one call's time where nobody kept the token warm", async () => {
    const { connection, upstream, ...world } = await startWithBroken(mode);
    world.clock.advance(600);
    const started = world.clock.now();

    const answer = await world.settled(world.service({ upstream }).get(connection, { minTtl: 60 }));

    expect(answer).toMatchObject({ kind: "token", generation: 2 });
    expect(world.clock.now() - started).toBeLessThan(5.2);
  });
});
