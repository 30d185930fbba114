import { setImmediate as turn } from "node:timers/promises";
import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import { partitionOf } from "../../functions/auth-core/rules/partition.ts";
import type { Ports } from "../../functions/auth-core/use-cases/ports.ts";
import { sweep } from "../../functions/token-rotation/sweep.ts";
import { TokenService } from "../../functions/auth-core/use-cases/token-service.ts";
import type { Scenario } from "../../local/simulator/scenario.ts";
import { startWorld } from "../support/world.ts";
import { around } from "./around.ts";

export type SteppedWorld = Awaited<ReturnType<typeof startSteppedWorld>>;

/**
 * A world in which time is stepped only while nothing waits for a socket, so that a second that passes is a second for
 * everyone: an answer on its way takes no time, and only who sleeps on the clock is overtaken by it.
 */
export async function startSteppedWorld(scenario: Partial<Scenario> = {}) {
  const world = await startWorld(scenario);
  const { clock } = world;
  const inFlight = { count: 0 };

  async function counted<Result>(call: () => Promise<Result>): Promise<Result> {
    inFlight.count += 1;
    try {
      return await call();
    } finally {
      inFlight.count -= 1;
    }
  }

  const ports: Ports = {
    ...world.ports,
    table: around(world.ports.table, counted),
    registrations: around(world.ports.registrations, counted),
    upstream: around(world.ports.upstream, counted),
  };

  /** Resolves once everything that runs has ended or sleeps on the clock. */
  async function quiet(): Promise<void> {
    do await turn();
    while (inFlight.count > 0);
  }

  return {
    ...world,
    ports,
    quiet,
    /** Calls of a port that have not ended. */
    inFlight: () => inFlight.count,
    /** A service with a memory of its own: one execution environment. */
    service: (other: Partial<Ports> = {}) => new TokenService({ ...ports, ...other }),
    /** One run of the schedule over the connection's partition. Rejects where it meets a bug. */
    sweep: (connection: ConnectionId, other: Partial<Ports> = {}) =>
      sweep({ ...ports, ...other }, { shard: partitionOf(connection), shards: 16 }, (error) => {
        throw error;
      }),
    /** Lets time pass in steps of so many seconds until the work has settled; what it settles with. */
    async settled<Result>(work: Promise<Result>, step = 0.1): Promise<Result> {
      let isSettled = false;
      const end = () => {
        isSettled = true;
      };
      work.then(end, end);
      for (;;) {
        await quiet();
        if (isSettled) return work;
        clock.advance(step);
      }
    },
  };
}
