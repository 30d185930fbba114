import { beforeEach } from "vitest";
import { connection, useConnection, world } from "./suite.ts";

/** Gives each connection of a test file the simulator's issuer of keys. Call it after `useKeysWorld`. */
export function useIssuer(): void {
  beforeEach(() => useConnection(withIssuer()));
}

export const withIssuer = () => ({ keyIssuer: `${world.simulator.url}/keys` });

/** The fields of the current value. */
export const currentFields = () => JSON.parse(world.texts(connection)["AWSCURRENT"] ?? "") as Record<string, string>;

/** The requests that the issuer received. */
export const issuerRequests = (method: "POST" | "DELETE") =>
  world.simulator.requests.filter((each) => each.method === method && each.path.startsWith("/keys"));
