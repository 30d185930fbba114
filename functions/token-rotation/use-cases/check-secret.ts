import type { ConnectionItem } from "@smart-token-broker/auth-core/rules/tokens/connection-item.ts";
import { keyActionDetail, type KeyActionReason } from "@smart-token-broker/auth-core/rules/keys/key-action.ts";
import type { KeyPorts, SecretDescription } from "@smart-token-broker/auth-core/use-cases/ports.ts";

const day = 24 * 3600;

/** Seconds before a rotation at which its next key should be staged. */
const warnAhead = 14 * day;

/**
 * Checks once a day how a connection's key is rotated, and warns if the rotation needs an operator. Does not change the
 * secret, and in the item only the instant of the check: a registration that was deleted and made again must keep its
 * tokens.
 *
 * @throws UnavailableError if the secret, the table or the event bus is unavailable
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
  // Claimed only after both reads: a store that is unavailable must not use up the check of the day.
  if (!(await table.claimRotationCheck(connection, now, now - day))) return;
  if (!description || reading.kind === "unknown") return;
  const isIssued = reading.kind === "registered" && reading.registration.keyIssuer !== undefined;
  const warning: Warning | undefined =
    reading.kind === "not_ready"
      ? { reason: "secret_not_ready", detail: reading.detail }
      : warningOf(description, isIssued, ports.expectRotation, now);
  if (!warning) return;
  const { reason } = warning;
  const detail = keyActionDetail(reason, connection, warning.detail);
  notice({ kind: "api_key_action_needed", connection, reason, detail });
  await events.put({ kind: "api_key_action_needed", connection, reason, detail });
}

/** Why an operator must act. `detail` is the cause alone. */
interface Warning {
  reason: Exclude<KeyActionReason, "issuer_failed">;
  detail: string;
}

/** Why the rotation of a key needs an operator; `undefined` if it does not. */
export function warningOf(
  { labels, rotationEnabled, nextRotationAt, lastChangedAt }: SecretDescription,
  isIssued: boolean,
  expectRotation: boolean,
  now: number,
): Warning | undefined {
  const all = [...labels.values()];
  const isPending = all.some((stages) => stages.includes("AWSPENDING") && !stages.includes("AWSCURRENT"));
  if (isPending && (lastChangedAt ?? now) <= now - day) {
    return { reason: "rotation_stuck", detail: "a rotation has not finished for a day" };
  }
  if (!rotationEnabled && !expectRotation) return undefined;
  if (!rotationEnabled) return { reason: "rotation_off", detail: "rotation is not turned on for this secret" };
  const isStaged = all.some((stages) => stages.includes("NEXT"));
  if (!isStaged && !isIssued && nextRotationAt !== undefined && nextRotationAt - now <= warnAhead) {
    const days = Math.max(0, Math.ceil((nextRotationAt - now) / day));
    return { reason: "no_next_key_staged", detail: `the key rotates in ${days} days, and no key is staged under NEXT` };
  }
  return undefined;
}
