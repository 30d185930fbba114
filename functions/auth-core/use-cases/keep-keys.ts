import type { ConnectionItem } from "../rules/connection-item.ts";
import { retirableKeys } from "../rules/retiring-keys.ts";
import { checkSecretDaily } from "./check-secret.ts";
import type { KeyPorts } from "./ports.ts";
import { retireKeys } from "./retire-keys.ts";

/** What the sweep does for a connection's keys; whether one of them was to be looked at. */
export async function keepKeys(ports: KeyPorts, item: ConnectionItem): Promise<boolean> {
  const isRetiring = retirableKeys(item, ports.clock.now()).length > 0;
  if (isRetiring) await retireKeys(ports, item);
  await checkSecretDaily(ports, item);
  return isRetiring;
}
