import type { CloudWatchClient } from "@aws-sdk/client-cloudwatch";
import type { CloudWatchLogsClient } from "@aws-sdk/client-cloudwatch-logs";
import type { DeployedCallers } from "@smart-token-broker/auth-core/rules/callers/deployed-callers.ts";
import { parseConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import type { ConnectionStatus } from "@smart-token-broker/status/rules/connection-status.ts";
import type { DashboardData, DashboardSource, KeyRotation, Past, Traffic } from "../../dashboard/contract.ts";
import { keyRotationOf, viewOf, viewWithoutToken, worstFirst } from "../../dashboard/view.ts";
import { deployedCallers } from "../deployment/deployed-callers.ts";
import type { Deployment } from "../deployment/deployment.ts";
import { allSecrets, type SecretFacts } from "../deployment/secrets.ts";
import { logGroups } from "../deployment/stack-resources.ts";
import { allStatuses } from "../deployment/statuses.ts";
import { timeOfDay } from "../../console/time.ts";
import { type Keeper, kept } from "./kept.ts";
import { readTraffic } from "./metrics.ts";
import { queryPast } from "./past.ts";
import { FollowedEvents } from "./followed-events.ts";

/** Seconds between two readings of the page, and the least age at which something is read again. */
const ages = { page: 10, status: 9, metrics: 55, events: 55, secrets: 30, groups: 3600 };

/**
 * What the page shows of a deployment, read with the operator's credentials. It changes nothing. What cannot be read is
 * named in `problems`, and the rest is shown. Several pages share one reading.
 *
 * @param now epoch seconds
 */
export function deployedSource(
  deployment: Deployment,
  { metrics, logs }: { metrics: CloudWatchClient; logs: CloudWatchLogsClient },
  now: () => number,
): DashboardSource {
  const { stage, stack, region } = deployment;
  const groups = kept(() => logGroups(deployment), ages.groups, now);
  const statuses = kept(() => allStatuses(deployment), ages.status, now);
  const secrets = kept(() => allSecrets(deployment), ages.secrets, now);
  const deployed = kept(() => deployedCallers(deployment), ages.groups, now);
  const followed = new FollowedEvents(logs);
  const events = kept(async () => followed.read((await groups.read()).value ?? [], now()), ages.events, now);
  const trafficOf = new Map<number, Keeper<Traffic>>();
  const traffic = (range: number) => {
    const known = trafficOf.get(range) ?? kept(() => readTraffic(metrics, stage, range, now()), ages.metrics, now);
    trafficOf.set(range, known);
    return known.read();
  };
  const pasts = new Map<string, Past>();

  async function read(range: number): Promise<DashboardData> {
    const [status, secret, counts, feed, group, listed] = await Promise.all([
      statuses.read(),
      secrets.read(),
      traffic(range),
      events.read(),
      groups.read(),
      deployed.read(),
    ]);
    const problem = (what: string, { error, at }: { error?: string | undefined; at?: number | undefined }) =>
      error === undefined
        ? []
        : [
            `${what}: ${error}${at === undefined ? "" : ` This is of ${timeOfDay(new Date(at * 1000).toISOString(), now())}.`}`,
          ];
    const at = now();
    return {
      now: at,
      source: {
        kind: "deployment",
        name: `${stack === undefined ? `stage ${stage}` : `stack ${stack}`} · ${region}, read-only`,
        refreshSeconds: ages.page,
      },
      problems: [
        ...problem("The status is not available", status),
        ...problem("Connections without a token are not shown", secret),
        ...problem("The metrics are not available", counts),
        ...problem("The notices are not available", group.error === undefined ? feed : group),
        ...(followed.behind === undefined
          ? []
          : [`The notices are read up to ${followed.behind}. More come each minute.`]),
      ],
      connections: worstFirst(views(status.value ?? [], secret.value ?? [], listed.value, at)),
      ...(counts.value && { traffic: counts.value }),
      ...(feed.value && { events: [...feed.value] }),
    };
  }

  function views(found: ConnectionStatus[], listed: SecretFacts[], callers: DeployedCallers | undefined, at: number) {
    const known = new Set<string>(found.map(({ connection }) => connection));
    const present = listed.filter(({ deletedAt }) => deletedAt === undefined);
    const rotations = new Map<string, KeyRotation>(present.map((secret) => [secret.connection, keyRotationOf(secret)]));
    const others = present.filter(({ connection }) => !known.has(connection));
    return [
      ...found.map((status) => {
        const { connection } = status;
        const more = { past: pasts.get(connection), rotation: rotations.get(connection), callers };
        return viewOf(status, at, deployment, more);
      }),
      ...others.map(({ connection }) =>
        viewWithoutToken(connection, deployment, { rotation: rotations.get(connection) }),
      ),
    ];
  }

  return {
    read,
    actions: {
      async past({ connection }) {
        const id = typeof connection === "string" ? parseConnectionId(connection) : undefined;
        if (!id) throw new Error("Invalid connection id.");
        const { value = [], error } = await groups.read();
        if (error !== undefined) throw new Error(`The log groups are not known: ${error}`);
        const { past, megabytes } = await queryPast(logs, value, id, now());
        pasts.set(id, past);
        return {
          message: `${id}: in 3 hours ${counted(past.tokens.length, "token")} and ${counted(past.attempts.length, "failed attempt")}. The query scanned ${megabytes} MB.`,
        };
      },
    },
  };
}

const counted = (count: number, what: string) => `${count} ${what}${count === 1 ? "" : "s"}`;
