import type { KeyPorts } from "../../functions/auth-core/use-cases/ports.ts";
import { around } from "../support/around.ts";

/** What happens around one call of a port: `act` makes the call, and may be made once or never. */
export type Around = <Answer>(call: string, act: () => Promise<Answer>) => Promise<Answer>;

const portNames = ["table", "registrations", "secrets", "upstream", "events", "issuer"] as const;

/** The same ports, every asynchronous call of which goes through `wrap`: all the awaits at which a process can die. */
export function withPoints(ports: KeyPorts, wrap: Around): KeyPorts {
  const wrapped = portNames.map((port) => [port, around(ports[port], (act, method) => wrap(`${port}.${method}`, act))]);
  return {
    ...ports,
    ...(Object.fromEntries(wrapped) as Pick<KeyPorts, (typeof portNames)[number]>),
    secrets: {
      ...around(ports.secrets, (act, method) => wrap(`secrets.${method}`, act)),
      // Asks nobody.
      idOf: (connection) => ports.secrets.idOf(connection),
    },
    clock: { now: () => ports.clock.now(), sleep: (seconds) => wrap("clock.sleep", () => ports.clock.sleep(seconds)) },
  };
}
