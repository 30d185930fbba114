import { setImmediate as turn } from "node:timers/promises";
import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import { partitionOf } from "../../functions/auth-core/rules/fingerprint.ts";
import type { Ports } from "../../functions/auth-core/use-cases/ports.ts";
import { sweep } from "../../functions/auth-core/use-cases/sweep.ts";
import { TokenService } from "../../functions/auth-core/use-cases/token-service.ts";
import type { Mood } from "../../local/simulator/mood.ts";
import { startWorld } from "../support/world.ts";

export type SteppedWorld = Awaited<ReturnType<typeof startSteppedWorld>>;

/**
 * A world in which time is stepped only while nothing waits for a socket, so that a second that passes is a second for
 * everyone: an answer on its way takes no time, and only who sleeps on the clock is overtaken by it.
 */
export async function startSteppedWorld(mood: Partial<Mood> = {}) {
  const world = await startWorld(mood);
  const { clock } = world;
  let inFlight = 0;

  function counted<Asked extends unknown[], Result>(call: (...asked: Asked) => Promise<Result>) {
    return async (...asked: Asked): Promise<Result> => {
      inFlight += 1;
      try {
        return await call(...asked);
      } finally {
        inFlight -= 1;
      }
    };
  }

  const { table, registrations, upstream } = world.ports;
  const ports: Ports = {
    ...world.ports,
    table: {
      read: counted(table.read),
      takeLease: counted(table.takeLease),
      write: counted(table.write),
      release: counted(table.release),
      due: counted(table.due),
      claimLook: counted(table.claimLook),
    },
    registrations: { read: counted(registrations.read) },
    upstream: { call: counted(upstream.call) },
  };

  /** Resolves once everything that runs has ended or sleeps on the clock. */
  async function quiet(): Promise<void> {
    do await turn();
    while (inFlight > 0);
  }

  return {
    ...world,
    ports,
    counted,
    quiet,
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
