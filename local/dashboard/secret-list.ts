import { paginateListSecrets, type SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { parseConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";

export type SecretList = () => Promise<string[]>;

/** Seconds after which the list is read again: it has a page for each 100 secrets. */
const maxAge = 5;

/** Lists the ids of the connections that have a secret, at most five seconds old. */
export function secretList(client: SecretsManagerClient, prefix: string, clock: { now: () => number }): SecretList {
  let listed: { ids: Promise<string[]>; at: number } | undefined;
  return () => {
    if (!listed || clock.now() - listed.at > maxAge) listed = { ids: list(client, prefix), at: clock.now() };
    return listed.ids;
  };
}

async function list(client: SecretsManagerClient, prefix: string): Promise<string[]> {
  const ids: string[] = [];
  const input = { Filters: [{ Key: "name" as const, Values: [prefix] }] };
  for await (const { SecretList: page = [] } of paginateListSecrets({ client }, input)) {
    ids.push(...page.map(({ Name = "" }) => Name.slice(prefix.length)).filter((id) => parseConnectionId(id)));
  }
  return ids;
}
