import { describeCallers } from "@smart-token-broker/auth-core/rules/callers/deployed-callers.ts";
import { catchUnavailable } from "@smart-token-broker/auth-core/rules/failure.ts";
import type { ConnectionStatus } from "@smart-token-broker/status/rules/connection-status.ts";
import type { DashboardData, DashboardSource } from "../../dashboard/contract.ts";
import { viewOf, viewWithoutToken, worstFirst } from "../../dashboard/view.ts";
import { localActions } from "./actions.ts";
import { allStatuses, type LocalParts } from "./parts.ts";
import { nameOfScenario, scenarioButtons } from "./scenarios.ts";
import { type SecretList, secretList } from "./secret-list.ts";

/** More connections are read less often: a page of 1,000 has a megabyte. */
const manyConnections = 100;
const shortLifetime = 120;

/** The page's view of a local run. */
export function localSource(parts: LocalParts): DashboardSource {
  const { clock, simulator, history, traffic, requests } = parts;
  const secrets = secretList(parts.secrets, parts.secretName(""), clock);
  const switches = { shortTokens: false };
  /** The profile with the page's switch. */
  const profile = () => ({ ...parts.profile, ...(switches.shortTokens && { lifetime: shortLifetime }) });

  async function read(range: number): Promise<DashboardData> {
    const url = parts.gateway();
    const now = clock.now();
    const found = await catchUnavailable(
      async () => ({ statuses: await allStatuses(parts.table, now) }),
      ({ message }) => ({ problem: `The table is unavailable: ${message}` }),
    );
    const problems = "problem" in found ? [found.problem] : [];
    const connections = "statuses" in found ? await views(found.statuses, secrets, now, url) : [];
    const scenario = nameOfScenario(simulator.scenario, profile());
    return {
      now,
      source: {
        kind: "local",
        name: `local run · ${new URL(url).host}`,
        refreshSeconds: connections.length > manyConnections ? 5 : 1,
      },
      problems,
      connections: worstFirst(connections),
      traffic: traffic.traffic(now, range),
      events: [...history.events],
      controls: {
        scenarios: scenarioButtons,
        ...(scenario !== undefined && { scenario }),
        shortTokens: switches.shortTokens,
      },
    };
  }

  async function views(statuses: ConnectionStatus[], list: SecretList, now: number, url: string) {
    const flags = url.endsWith(":8787") ? " --local" : ` --local-url ${url}`;
    const callers = describeCallers(parts.listed());
    const known = new Set<string>(statuses.map(({ connection }) => connection));
    const rotations = await list();
    const others = [...rotations.keys()].filter((connection) => !known.has(connection));
    return [
      ...statuses.map((status) => {
        const { connection } = status;
        return viewOf(
          status,
          now,
          { flags },
          {
            past: history.past(connection),
            requests: requests.lastHour(connection, now),
            rotation: rotations.get(connection),
            callers,
          },
        );
      }),
      ...others.map((connection) =>
        viewWithoutToken(
          connection,
          { flags },
          { requests: requests.lastHour(connection, now), rotation: rotations.get(connection) },
        ),
      ),
    ];
  }

  return { read, actions: localActions(parts, switches, profile) };
}
