import type { AccessToken } from "./access-token.ts";
import { Circuit } from "./circuit.ts";
import { Connection } from "./connection.ts";
import { concernsConnection } from "./errors.ts";
import type { Runtime } from "./runtime.ts";
import { checkConnectionId, type ClientOptions, readOptions } from "./settings.ts";

/** Gets tokens of one connection, and calls the business API with them. */
export type SmartServicesConnection = Pick<Connection, "fetch" | "token">;

export interface SmartServicesClient extends SmartServicesConnection {
  /** Another connection, with the same credential and the same circuit. The same object for the same id. */
  connection(id: string): SmartServicesConnection;
}

/** Makes a client with its own sources of time, chance and network. */
export function clientWith(
  options: ClientOptions,
  runtime: Runtime,
): Pick<SmartServicesClient, "fetch" | "token"> & { connection: (id: string) => Connection } {
  const settings = readOptions(options, runtime);
  const circuit = new Circuit(settings, (error) => !concernsConnection(error));
  const connections = new Map<string, Connection>();

  const connection = (id: string): Connection => {
    const known = connections.get(id);
    if (known) return known;
    checkConnectionId(id);
    const added = new Connection(id, settings, circuit);
    connections.set(id, added);
    return added;
  };
  if (options.connection !== undefined) connection(options.connection);
  const own = (): Connection => {
    if (options.connection !== undefined) return connection(options.connection);
    throw new TypeError("createClient: connection is missing. Set it, or call client.connection(id).");
  };
  return {
    connection,
    fetch: async (input, init) => own().fetch(input, init),
    token: async (wait): Promise<AccessToken> => own().token(wait),
  };
}
