import type { ConnectionItem } from "@smart-token-broker/auth-core/rules/tokens/connection-item.ts";
import { catchUnavailable } from "@smart-token-broker/auth-core/rules/failure.ts";
import { nextActionAt } from "@smart-token-broker/auth-core/rules/tokens/schedule.ts";
import { retirableKeys } from "@smart-token-broker/auth-core/rules/keys/retiring-keys.ts";
import type { KeyPorts } from "@smart-token-broker/auth-core/use-cases/ports.ts";
import { checkSecretDaily } from "./check-secret.ts";
import { retireKeys } from "./retire-keys.ts";

/**
 * Retires the keys of a connection and runs its daily check. Returns whether the end of a key has passed. If a store is
 * unavailable, a later sweep does it: tokens do not wait for keys.
 */
export async function maintainKeys(ports: KeyPorts, item: ConnectionItem): Promise<boolean> {
  const now = ports.clock.now();
  const isRetiring = retirableKeys(item, now).length > 0;
  // A sweep that died after it had retired a key leaves the instant of that key in the index.
  const isUnexplained =
    item.leaseOwner === undefined &&
    (item.nextActionAt ?? Number.POSITIVE_INFINITY) <= now &&
    (nextActionAt(item) ?? Number.POSITIVE_INFINITY) > now;
  await catchUnavailable(
    async () => {
      if (isRetiring || isUnexplained) await retireKeys(ports, item);
      await checkSecretDaily(ports, item);
    },
    (error) => ports.notice({ kind: "keys_not_maintained", connection: item.connection, reason: error.message }),
  );
  return isRetiring;
}
