import type { ConnectionItem } from "@smart-token-broker/auth-core/rules/connection-item.ts";
import { UnavailableError } from "@smart-token-broker/auth-core/rules/failure.ts";
import { retirableKeys } from "@smart-token-broker/auth-core/rules/retiring-keys.ts";
import type { KeyPorts } from "@smart-token-broker/auth-core/use-cases/ports.ts";
import { checkSecretDaily } from "./check-secret.ts";
import { retireKeys } from "./retire-keys.ts";

/**
 * Retires the keys of a connection and runs its daily check. Returns whether the end of a key has passed. If a store is
 * unavailable, a later sweep does it: tokens do not wait for keys.
 */
export async function maintainKeys(ports: KeyPorts, item: ConnectionItem): Promise<boolean> {
  const isRetiring = retirableKeys(item, ports.clock.now()).length > 0;
  try {
    if (isRetiring) await retireKeys(ports, item);
    await checkSecretDaily(ports, item);
  } catch (error) {
    if (!(error instanceof UnavailableError)) throw error;
    ports.notice({ kind: "keys_not_maintained", connection: item.connection, reason: error.message });
  }
  return isRetiring;
}
