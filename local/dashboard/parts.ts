import type { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import type { Caller } from "@smart-token-broker/auth-core/rules/callers/callers.ts";
import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import type { DueOutcome } from "@smart-token-broker/auth-core/use-cases/make-due.ts";
import { type ConnectionStatus, statusOf } from "@smart-token-broker/status/rules/connection-status.ts";
import type { StatusTable } from "@smart-token-broker/status/edges/status-table.ts";
import type { ConnectionRequests } from "../../dashboard/connection-requests.ts";
import type { History } from "../../dashboard/history.ts";
import type { TrafficCounter } from "../../dashboard/traffic.ts";
import type { LocalCallers } from "../callers/callers.ts";
import type { Scenario } from "../simulator/scenario.ts";
import type { Simulator } from "../simulator/simulator.ts";

/** What the page of the local run shows and controls. */
export interface LocalParts {
  /** Epoch seconds. */
  clock: { now: () => number };
  /** URL of the gateway. */
  gateway: () => string;
  callers: LocalCallers;
  /** The list of callers, which can grow. */
  listed: () => Caller[];
  region: string;
  simulator: Simulator;
  /** Switches of the simulator that every scenario is applied on top of. */
  profile: Partial<Scenario>;
  /** Read directly: a request to the status route would be logged once a second. */
  table: StatusTable;
  history: History;
  traffic: TrafficCounter;
  requests: ConnectionRequests;
  secrets: SecretsManagerClient;
  /** The name of a connection's secret, which ends in its id. */
  secretName: (connection: string) => string;
  makeDue: (connection: ConnectionId) => Promise<DueOutcome>;
  /** Runs a sweep, as the schedule does. */
  sweep: () => Promise<unknown>;
}

/** The status of every item of the table. Throws `UnavailableError`. */
export async function allStatuses(table: StatusTable, now: number): Promise<ConnectionStatus[]> {
  const statuses: ConnectionStatus[] = [];
  let after: ConnectionId | undefined;
  do {
    const page = await table.list(500, after);
    statuses.push(...page.items.map((item) => statusOf(item, now)));
    after = page.last;
  } while (after !== undefined);
  return statuses;
}
