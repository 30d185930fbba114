import { type ConnectionId, parseConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import type { ActName, Mode } from "./modes.ts";
import { type Draws, drawsOf } from "./random.ts";
import type { Habits } from "./upstream.ts";

/** One act of a caller, an operator or the schedule, at an instant of the world. */
export interface Act {
  /** Its name, and the name of the process that it starts. */
  id: string;
  at: number;
  act: ActName;
  /** Index of the connection, and of the environment that serves a caller. */
  of: number;
  environment: number;
  minTtl: number;
  /** Seconds after which an operator's second step follows. */
  pause: number;
  choice: number;
}

/** Everything that is drawn before a world starts. Shrinking leaves acts out. */
export interface Plan {
  connections: { id: ConnectionId; habits: Habits; hasIssuer: boolean; maxLifetime?: number }[];
  isShared: boolean;
  isDatedByValue: boolean;
  acts: Act[];
  /** Instants: when upstream and the table are unavailable, and when sweeps do not come. */
  outages: Span[];
  tableOutages: (Span & { writesOnly: boolean })[];
  missingSweeps: Span[];
  /** When registrations cannot be read. */
  secretOutages: Span[];
  /** Seconds by which the clocks of functions are apart. */
  skew: number;
  /** Instant at which the acts end. */
  end: number;
}

export interface Span {
  from: number;
  until: number;
}

export const start = 1_800_000_000;
const day = 86_400;

export function drawPlan(seed: number, mode: Mode): Plan {
  const draws = drawsOf(seed, "plan");
  const count = Math.floor(draws.between(mode.connections[0], mode.connections[1] + 1));
  const connections = Array.from({ length: count }, (_, index) => {
    const id = parseConnectionId(`connection-${index + 1}`) as ConnectionId;
    const habits: Habits = {
      lifetime: draws.pick([150, 600, 3600, 3600, 8 * 3600, 8 * 3600, 6 * day]),
      singleActive: draws.is(mode.singleActive),
      sameToken: draws.is(0.3),
      refresh: draws.pick(["none", "stays", "single use", "single use", "dies", "hangs"]),
    };
    if (habits.singleActive) habits.sameToken = false;
    return { id, habits, hasIssuer: draws.is(mode.issuer), ...(draws.is(0.1) && { maxLifetime: 7200 }) };
  });

  const acts: Act[] = [];
  const missingSweeps: Span[] = [];
  let at = start;
  const bursts = Math.floor(draws.between(8, 30));
  for (let burst = 0; burst < bursts; burst += 1) {
    const width = draws.pick([0, 0.05, 1, 8, 40, 200]);
    const of = Math.floor(draws.next() * count);
    for (let size = Math.floor(draws.between(1, 7)); size > 0; size -= 1) {
      acts.push(drawAct(draws, mode, { id: `a${acts.length + 1}`, at: at + draws.between(0, width), of, count }));
    }
    const { seconds, isEnd } = gap(draws, connections[of]?.habits.lifetime ?? 3600);
    // Without sweeps, the token of this burst lives until its end.
    if (isEnd) missingSweeps.push({ from: at, until: at + width + seconds });
    at += width + seconds;
  }
  const during = (most: number): Span => {
    const from = draws.between(start, at);
    return { from, until: from + draws.between(1, most) };
  };
  const spans = (is: boolean, most: number) => (is ? Array.from({ length: 3 }, () => during(most)) : []);
  return {
    connections,
    isShared: draws.is(mode.shared),
    isDatedByValue: draws.is(0.5),
    acts: acts.toSorted((one, other) => one.at - other.at),
    outages: spans(draws.is(mode.outage), draws.pick([20, 300, 3000])),
    tableOutages: spans(draws.is(mode.tableOutage), draws.pick([3, 20, 300])).map((span) => ({
      ...span,
      writesOnly: draws.is(0.5),
    })),
    missingSweeps: [...missingSweeps, ...spans(draws.is(0.3), 1000)],
    secretOutages: [],
    skew: draws.is(mode.skew) ? draws.pick([2, 10, 30]) : 0,
    end: at,
  };
}

function drawAct(
  draws: Draws,
  mode: Mode,
  { id, at, of, count }: { id: string; at: number; of: number; count: number },
): Act {
  return {
    id,
    at,
    act: draws.weighted(mode.acts),
    of: draws.is(0.85) ? of : Math.floor(draws.next() * count),
    environment: Math.floor(draws.next() * 4),
    minTtl: draws.pick([0, 60, 60, 600, 1800, 3600]),
    pause: draws.pick([0.3, 1.5, 8, 20]) * draws.next(),
    choice: draws.next(),
  };
}

/** Seconds between two bursts: often to an instant at which something happens by itself. */
function gap(draws: Draws, lifetime: number): { seconds: number; isEnd?: true } {
  switch (draws.weighted({ short: 3, end: 1, life: 3, days: 0.7 })) {
    case "short":
      return { seconds: draws.pick([1, 5, 14, 31, 61, 62, 300]) };
    case "end":
      return { seconds: lifetime - draws.between(0, 6), isEnd: true };
    case "life":
      return { seconds: draws.pick([lifetime * draws.between(0.4, 1.1), draws.between(1, 8) * 3600]) };
    case "days":
      return { seconds: draws.pick([1, 7, 8]) * day + draws.between(0, 3600) };
  }
}
