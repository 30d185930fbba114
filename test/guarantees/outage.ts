import type { Ports } from "../../functions/auth-core/use-cases/ports.ts";
import { type Asked, live } from "./life.ts";
import { startSteppedWorld } from "./stepped-world.ts";

/** An outage of Smart Services, and how it lies to the minute of the schedule. Seconds. */
export interface Outage {
  lasts: number;
  /** How long after the token was due the schedule comes by. */
  sweepLate: number;
  /** How long before that sweep the outage begins. */
  beforeSweep: number;
  /** Whether Smart Services answer an error at once, or not at all. */
  hangs: boolean;
  /** Chance, 0 to 1: how late in its life the token is due, and the jitter of each backoff, over and over. */
  due: number;
  jitter: number[];
}

/**
 * What callers get from a minute before a token is due until an outage that hits its replacement is long over, and the
 * instant at which it was over.
 */
export async function liveThroughOutage(
  lifetime: number,
  minTtl: number,
  outage: Outage,
): Promise<{ asked: Asked[]; downUntil: number }> {
  const world = await startSteppedWorld({ lifetime });
  const { clock } = world;
  const connection = world.register("webapicorso");
  await world.service({ random: () => outage.due }).get(connection, { minTtl: 0 });
  const obtainedAt = clock.now();
  const { dueAt = obtainedAt } = (await world.ports.table.read(connection, "strong"))?.tokenSet ?? {};
  const sweepAt = Math.floor(dueAt) + outage.sweepLate;
  const downFrom = sweepAt - outage.beforeSweep;
  const downUntil = downFrom + outage.lasts;

  const upstream: Ports["upstream"] = {
    async call(...asked) {
      if (clock.now() < downFrom || clock.now() >= downUntil) return world.ports.upstream.call(...asked);
      if (outage.hangs) await clock.sleep(5);
      return { kind: "temporary", reason: "fake outage", rateLimited: false };
    },
  };
  let drawn = 0;
  const random = () => outage.jitter[drawn++ % outage.jitter.length] ?? 0.5;
  // On the schedule's minute, so that one of its sweeps is at the instant that is meant.
  const sweepsBefore = Math.min(2, Math.floor((sweepAt - obtainedAt) / 60));
  clock.advance(sweepAt - 60 * sweepsBefore - obtainedAt);
  // The longest backoff of five minutes, the schedule's minute, and two calls.
  const seconds = Math.ceil(downUntil + 400 - clock.now());
  return { asked: await live(world, connection, { seconds, minTtl, ports: { upstream, random } }), downUntil };
}
