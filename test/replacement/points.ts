import type { Ports } from "../../functions/auth-core/use-cases/ports.ts";

/** What happens around one call of a port: `act` makes the call, and may be made once or never. */
export type Around = <Answer>(call: string, act: () => Promise<Answer>) => Promise<Answer>;

/**
 * The same ports, every asynchronous call of which goes through `around`: those are all the awaits at which a process
 * can die or be overtaken. A method that is added to a port is covered by itself.
 */
export function withPoints(ports: Ports, around: Around): Ports {
  return {
    ...ports,
    table: wrap("table", ports.table, around),
    registrations: wrap("registrations", ports.registrations, around),
    upstream: wrap("upstream", ports.upstream, around),
    clock: {
      now: () => ports.clock.now(),
      sleep: (seconds) => around("clock.sleep", () => ports.clock.sleep(seconds)),
    },
  };
}

type Call = (...asked: unknown[]) => Promise<unknown>;

function wrap<Port extends object>(name: string, port: Port, around: Around): Port {
  const calls = Object.entries(port) as [string, Call][];
  return Object.fromEntries(
    calls.map(([method, call]) => [method, (...asked: unknown[]) => around(`${name}.${method}`, () => call(...asked))]),
  ) as Port;
}
