import { paginateListSecrets, type SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { parseConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { type LocalCallers, signedGet } from "../callers.ts";
import type { PutEvent } from "../eventbridge.ts";
import type { Identity } from "../gateway/options.ts";
import type { Scenario } from "../simulator/scenario.ts";
import type { Simulator } from "../simulator/simulator.ts";
import { scenarioNames, nameOfScenario } from "./scenarios.ts";

/** What the page shows and controls. */
export interface PageParts {
  callers: LocalCallers;
  region: string;
  simulator: Simulator;
  /** Switches of the simulator that every scenario is applied on top of. */
  profile: Partial<Scenario>;
  /** Newest last. */
  events: readonly PutEvent[];
  secrets: SecretsManagerClient;
  /** The name of a connection's secret, which ends in its id. */
  secretName: (connection: string) => string;
}

/** The page shows at most this many connections: one page of the status route. */
const maxConnections = 500;

/**
 * What the page shows: the response of `GET /v1/status`, requested as a caller does, and the simulator's scenario.
 * If that route returns an error, `problem` describes it and there are no connections. It holds no secret.
 *
 * @param gateway URL of the local gateway
 */
export async function pageData(parts: PageParts, gateway: string): Promise<object> {
  const { simulator, profile, events } = parts;
  const [, audit] = parts.callers;
  const { status, body } = await callGateway(`${gateway}/v1/status?limit=${maxConnections}`, audit, parts.region);
  const connections = Array.isArray(body["connections"]) ? (body["connections"] as { connection: string }[]) : [];
  const known = new Set(connections.map(({ connection }) => connection));
  return {
    now: Date.now(),
    ...(status === 200 ? {} : { problem: describeError(status, body) }),
    connections,
    has_more: body["next_cursor"] !== undefined,
    // Only a complete list shows which connections have no item, and so no token yet.
    without_token: body["next_cursor"] === undefined ? await otherConnections(known, parts) : [],
    scenarios: scenarioNames,
    scenario: nameOfScenario(simulator.scenario, profile),
    refresh_lifetime: simulator.scenario.refreshLifetime,
    upstream_calls: { exchange: simulator.counts.exchange, refresh: simulator.counts.refresh },
    events: events.slice(-5).map(({ detailType, detail }) => ({ type: detailType, detail })),
  };
}

/** Requests a token as a caller does and describes the response. The token itself is dropped. */
export async function requestToken(parts: PageParts, gateway: string, connection: string): Promise<string> {
  const url = `${gateway}/v1/connections/${encodeURIComponent(connection)}/token`;
  const [orders] = parts.callers;
  const { status, body } = await callGateway(url, orders, parts.region);
  if (status !== 200) return describeError(status, body);
  return `got a token of generation ${String(body["generation"])}, valid for ${String(body["expires_in"])} s`;
}

/** Connections that have a secret and are not in `known`; no more than the page shows. */
async function otherConnections(known: Set<string>, { secrets, secretName }: PageParts): Promise<string[]> {
  const prefix = secretName("");
  const ids: string[] = [];
  const input = { Filters: [{ Key: "name" as const, Values: [prefix] }] };
  for await (const { SecretList = [] } of paginateListSecrets({ client: secrets }, input)) {
    const listed = SecretList.map(({ Name = "" }) => Name.slice(prefix.length));
    ids.push(...listed.filter((id) => parseConnectionId(id) && !known.has(id)));
    if (ids.length >= maxConnections) break;
  }
  return ids.slice(0, maxConnections);
}

async function callGateway(url: string, caller: Identity, region: string) {
  const response = await signedGet(new URL(url), caller, region);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

/** Describes an error of the broker or of the gateway, which have different forms. */
function describeError(status: number, body: Record<string, unknown>): string {
  const { code, detail, message } = body as Record<string, string>;
  return code === undefined ? `HTTP ${status}: ${message}` : `HTTP ${status} ${code}: ${detail}`;
}
