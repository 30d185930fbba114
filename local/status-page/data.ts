import { paginateListSecrets } from "@aws-sdk/client-secrets-manager";
import { parseConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { signedGet } from "../callers.ts";
import type { Identity } from "../gateway/options.ts";
import type { PageParts } from "./page.ts";
import { scenarioNames, nameOfMood } from "./moods.ts";

/** Most connections that the page shows: the longest page of the status route. */
const most = 500;

/**
 * What the page shows: the answer of `GET /v1/status`, asked for as any caller does, and how the simulator is.
 * `problem` in place of connections where that route answers an error. No secret is in it, as none is in that answer.
 *
 * @param gateway URL of the local gateway
 */
export async function pageData(parts: PageParts, gateway: string): Promise<object> {
  const { simulator, ways, events } = parts;
  const [, audit] = parts.callers;
  const { status, body } = await askGateway(`${gateway}/v1/status?limit=${most}`, audit, parts.region);
  const connections = Array.isArray(body["connections"]) ? (body["connections"] as { connection: string }[]) : [];
  const known = new Set(connections.map(({ connection }) => connection));
  return {
    now: Date.now(),
    ...(status === 200 ? {} : { problem: inWords(status, body) }),
    connections,
    has_more: body["next_cursor"] !== undefined,
    // Without an item nothing is known of a connection: it has not been asked for. On a later page it may be known.
    not_asked_yet: body["next_cursor"] === undefined ? await notAmong(known, parts) : [],
    scenarios: scenarioNames,
    scenario: nameOfMood(simulator.scenario, ways),
    refresh_lifetime: simulator.scenario.refreshLifetime,
    upstream_calls: { exchange: simulator.counts.exchange, refresh: simulator.counts.refresh },
    events: events.slice(-5).map(({ detailType, detail }) => ({ type: detailType, detail })),
  };
}

/** Asks for a token, as any caller does. What came of it, in words: the token itself goes no further. */
export async function askForToken(parts: PageParts, gateway: string, connection: string): Promise<string> {
  const url = `${gateway}/v1/connections/${encodeURIComponent(connection)}/token`;
  const [orders] = parts.callers;
  const { status, body } = await askGateway(url, orders, parts.region);
  if (status !== 200) return inWords(status, body);
  return `a token of generation ${String(body["generation"])}, good for ${String(body["expires_in"])} s`;
}

/** The connections that have a secret and are not known, whoever made it; no more than the page shows. */
async function notAmong(known: Set<string>, { secrets, secretName }: PageParts): Promise<string[]> {
  const prefix = secretName("");
  const ids: string[] = [];
  const input = { Filters: [{ Key: "name" as const, Values: [prefix] }] };
  for await (const { SecretList = [] } of paginateListSecrets({ client: secrets }, input)) {
    const listed = SecretList.map(({ Name = "" }) => Name.slice(prefix.length));
    ids.push(...listed.filter((id) => parseConnectionId(id) && !known.has(id)));
    if (ids.length >= most) break;
  }
  return ids.slice(0, most);
}

async function askGateway(url: string, caller: Identity, region: string) {
  const response = await signedGet(new URL(url), caller, region);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

/** An error of the broker's, or of the gateway's, which are of two forms. */
function inWords(status: number, body: Record<string, unknown>): string {
  const { code, detail, message } = body as Record<string, string>;
  return code === undefined ? `HTTP ${status}: ${message}` : `HTTP ${status} ${code}: ${detail}`;
}
