import type { ConnectionItem } from "@smart-token-broker/auth-core/rules/connection-item.ts";
import { UnavailableError } from "@smart-token-broker/auth-core/rules/failure.ts";
import { retirableKeys } from "@smart-token-broker/auth-core/rules/retiring-keys.ts";
import { checkSecretDaily } from "./check-secret.ts";
import type { KeyPorts } from "@smart-token-broker/auth-core/use-cases/ports.ts";
import { retireKeys } from "./retire-keys.ts";

/**
 * What the sweep does for a connection's keys; whether one of them was to be looked at. A store that does not answer is
 * said and left for later: tokens do not wait for it.
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
