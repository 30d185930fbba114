import type { ConnectionItem } from "@smart-token-broker/auth-core/rules/connection-item.ts";
import type { KeyPorts, SecretDescription } from "@smart-token-broker/auth-core/use-cases/ports.ts";

const day = 24 * 3600;

/** Seconds before a rotation within which its next key should be there. */
const warnAhead = 14 * day;

/**
 * Once a day: looks at how a connection's key is rotated, and tells the operator what only a person can do. It only
 * warns: nothing in the secret is changed, and nothing in the item but when this was done.
 *
 * @throws UnavailableError where the secret, the table or the event bus cannot be asked
 */
export async function checkSecretDaily(
  ports: KeyPorts,
  { connection, rotationCheckedAt }: ConnectionItem,
): Promise<void> {
  const { table, secrets, registrations, clock, events, notice } = ports;
  const now = clock.now();
  if ((rotationCheckedAt ?? 0) > now - day) return;
  const description = await secrets.describe(secrets.idOf(connection));
  const reading = await registrations.read(connection);
  // Claimed once it is known: a store that does not answer must not cost the day's warning.
  if (!(await table.claimRotationCheck(connection, now, now - day))) return;
  if (!description || reading.kind === "unknown") return;
  const isIssued = reading.kind === "registered" && reading.registration.keyIssuer !== undefined;
  const warning =
    reading.kind === "not_ready"
      ? { reason: "secret_not_ready", detail: reading.detail }
      : warningOf(description, isIssued, ports.expectRotation, now);
  if (!warning) return;
  notice({ kind: "api_key_action_needed", connection, ...warning });
  await events.put({ type: "api_key_action_needed", connection, ...warning });
}

/** What an operator should do about a key that nothing else will do, if anything. */
export function warningOf(
  { labels, rotationEnabled, nextRotationAt, lastChangedAt }: SecretDescription,
  isIssued: boolean,
  expectRotation: boolean,
  now: number,
): { reason: string; detail: string } | undefined {
  const all = [...labels.values()];
  const isPending = all.some((its) => its.includes("AWSPENDING") && !its.includes("AWSCURRENT"));
  if (isPending && (lastChangedAt ?? now) <= now - day) {
    return {
      reason: "rotation_stuck",
      detail: "a rotation has not finished for a day: take AWSPENDING off its version, then start another",
    };
  }
  if (!rotationEnabled && !expectRotation) return undefined;
  if (!rotationEnabled) return { reason: "rotation_off", detail: "rotation is not switched on for this secret" };
  const isStaged = all.some((its) => its.includes("NEXT"));
  if (!isStaged && !isIssued && nextRotationAt !== undefined && nextRotationAt - now <= warnAhead) {
    return {
      reason: "no_next_key_staged",
      detail: `the key is due for rotation in ${Math.max(0, Math.ceil((nextRotationAt - now) / day))} days and none is staged under NEXT`,
    };
  }
  return undefined;
}
