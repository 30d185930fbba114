import { upstreamSeconds } from "../../functions/auth-core/use-cases/lease.ts";
import { startWorld } from "../support/world.ts";
import { type TimedAnswer, live } from "./life.ts";

/** An outage of Smart Services, relative to the minute of the schedule. Seconds. */
export interface Outage {
  seconds: number;
  /** From the instant at which the token is due to the next sweep. */
  sweepLate: number;
  /** From the start of the outage to that sweep. */
  beforeSweep: number;
  /** Whether calls get no response, instead of an error at once. */
  hangs: boolean;
  /** Chance, 0 to 1: how late the token is due, and the jitter of each backoff, repeated. */
  due: number;
  jitter: number[];
}

/** The answers from a minute before a token is due until long after an outage that hits its replacement. */
export async function liveThroughOutage(
  lifetime: number,
  minTtl: number,
  outage: Outage,
): Promise<{ answers: TimedAnswer[]; downUntil: number }> {
  const world = await startWorld({ lifetime });
  const { clock } = world;
  const connection = world.register("webapicorso");
  await world.service({ random: () => outage.due }).get(connection, { minTtl: 0 });
  const obtainedAt = clock.now();
  const { dueAt = obtainedAt } = (await world.item(connection))?.tokenSet ?? {};
  const sweepAt = Math.floor(dueAt) + outage.sweepLate;
  const downFrom = sweepAt - outage.beforeSweep;
  const downUntil = downFrom + outage.seconds;

  const upstream = world.upstreamAfter(async () => {
    if (clock.now() < downFrom || clock.now() >= downUntil) return undefined;
    if (outage.hangs) await clock.sleep(upstreamSeconds);
    return { kind: "temporary", reason: "fake outage", rateLimited: false };
  });
  let drawn = 0;
  const random = () => outage.jitter[drawn++ % outage.jitter.length] ?? 0.5;
  // Starts on a minute of the schedule, so that one of its sweeps is at `sweepAt`.
  const sweepsBefore = Math.min(2, Math.floor((sweepAt - obtainedAt) / 60));
  clock.advance(sweepAt - 60 * sweepsBefore - obtainedAt);
  // The longest backoff of five minutes, the schedule's minute, and two calls.
  const seconds = Math.ceil(downUntil + 400 - clock.now());
  return { answers: await live(world, connection, { seconds, minTtl, ports: { upstream, random } }), downUntil };
}
