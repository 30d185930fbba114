import type { Scenario } from "../../local/simulator/scenario.ts";
import { startSteppedWorld } from "./stepped-world.ts";

/** A stepped world in which a connection's first token is stored, with the service that fetched it. */
export async function startWithToken(scenario: Partial<Scenario> = {}) {
  const world = await startSteppedWorld(scenario);
  const connection = world.register("webapicorso");
  const service = world.service();
  const answer = await service.get(connection, { minTtl: 60 });
  if (answer.kind !== "token") throw new Error(answer.failure.detail);
  return {
    ...world,
    connection,
    holder: service,
    set: answer.set,
    item: () => world.ports.table.read(connection, "strong"),
  };
}
