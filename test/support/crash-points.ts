import { it } from "vitest";
import type { Ports } from "../../functions/auth-core/use-cases/ports.ts";
import { around } from "../../fixtures/around.ts";

/** What happens around one call of a port: `act` makes the call. It may run once or never. */
export type Around = <Answer>(call: string, act: () => Promise<Answer>) => Promise<Answer>;

/** One process of a run, and what disturbs it. */
export interface Disturbed {
  around: Around;
  /** Every point that the process passed: before and after each call of a port. */
  points: string[];
  /** Resolves when the process dies. A dead process makes no more calls, and its calls never answer. */
  died: Promise<void>;
}

const portNames = ["table", "registrations", "secrets", "upstream", "events", "issuer"] as const;

/**
 * The same ports, with each asynchronous call going through `wrap`: these are all points at which a process can die or
 * another one can act. A method that is added to a port is covered too.
 */
export function withPoints<P extends Ports>(ports: P, wrap: Around): P {
  const all: Partial<Record<(typeof portNames)[number], object>> = ports;
  const wrapped = portNames.flatMap((name) => {
    const port = all[name];
    return port ? [[name, withCalls(name, port, wrap)]] : [];
  });
  const sleep = (seconds: number) => wrap("clock.sleep", () => ports.clock.sleep(seconds));
  return { ...ports, ...Object.fromEntries(wrapped), clock: { now: () => ports.clock.now(), sleep } };
}

/** The same port, with each asynchronous call going through `wrap`. */
export function withCalls<Port extends object>(name: string, port: Port, wrap: Around): Port {
  return around(port, (act, method) => wrap(`${name}.${method}`, act));
}

/**
 * Disturbs a process at some of its points: it dies there, or something else happens while it waits.
 *
 * @param points the points that earlier attempts of the same run passed; they count too
 */
export function disturb(
  at: ReadonlySet<number>,
  what: "death" | (() => unknown),
  points: string[] = [],
  prefix = "",
): Disturbed {
  const death = Promise.withResolvers<void>();
  const never = new Promise<never>(() => {});
  let isDead = false;
  const pass = async (point: string): Promise<void> => {
    if (isDead) await never;
    points.push(`${prefix}${point}`);
    if (!at.has(points.length - 1)) return;
    if (what !== "death") return void (await what());
    isDead = true;
    death.resolve();
    await never;
  };
  return {
    points,
    died: death.promise,
    async around(call, act) {
      await pass(`before ${call}`);
      try {
        return await act();
      } finally {
        await pass(`after ${call}`);
      }
    },
  };
}

/** A test of all points. It takes seconds: `npm run mutation` leaves it out. */
export const itEverywhere = it.skipIf(process.env["MUTATION_TESTS"] !== undefined);

/** Runs once undisturbed, then once for each point of that run, with the disturbance at that point. */
export async function disturbEverywhere<Found>(
  run: (at: ReadonlySet<number>) => Promise<{ points: string[]; found: Found }>,
): Promise<{ points: string[]; undisturbed: Found; found: [point: string, found: Found][] }> {
  const { points, found: undisturbed } = await run(new Set());
  const found: [string, Found][] = [];
  for (const [nth, point] of points.entries()) found.push([point, (await run(new Set([nth]))).found]);
  return { points: [...points], undisturbed, found };
}
