import { paginateListSecrets, type SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { parseConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import type { KeyRotation } from "../../dashboard/contract.ts";
import { keyRotationOf } from "../../dashboard/view.ts";

/** The rotation of each connection that has a secret. */
export type SecretList = () => Promise<Map<string, KeyRotation>>;

/** Seconds after which the list is read again: it has a page for each 100 secrets. */
const maxAge = 5;

/** Lists the connections that have a secret, at most five seconds old. */
export function secretList(client: SecretsManagerClient, prefix: string, clock: { now: () => number }): SecretList {
  let listed: { found: ReturnType<SecretList>; at: number } | undefined;
  return () => {
    if (!listed || clock.now() - listed.at > maxAge) listed = { found: list(client, prefix), at: clock.now() };
    return listed.found;
  };
}

async function list(client: SecretsManagerClient, prefix: string): ReturnType<SecretList> {
  const found = new Map<string, KeyRotation>();
  const input = { Filters: [{ Key: "name" as const, Values: [prefix] }] };
  for await (const { SecretList: page = [] } of paginateListSecrets({ client }, input)) {
    for (const secret of page) {
      const connection = parseConnectionId(secret.Name?.slice(prefix.length));
      if (!connection) continue;
      const { RotationEnabled: rotationEnabled = false, SecretVersionsToStages: stages = {} } = secret;
      const { NextRotationDate: next, LastChangedDate: changed } = secret;
      const rotation = keyRotationOf({
        rotationEnabled,
        labels: new Map(Object.entries(stages)),
        ...(next && { nextRotationAt: next.getTime() / 1000 }),
        ...(changed && { lastChangedAt: changed.getTime() / 1000 }),
      });
      found.set(connection, rotation);
    }
  }
  return found;
}
