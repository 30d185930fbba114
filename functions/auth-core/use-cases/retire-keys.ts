import type { ConnectionItem } from "../rules/connection-item.ts";
import { UnavailableError } from "../rules/failure.ts";
import { stagedKeyFingerprint } from "../rules/next-key.ts";
import { nextActionAt, type RetiringKey, retirableKeys } from "../rules/retiring-keys.ts";
import type { KeyPorts } from "./ports.ts";

/** Seconds until a key that something still carries is looked at again. */
const lookAgain = 3600;

/**
 * Announces the keys of a connection that nothing uses any more, each at least once: `api_key_retirable`.
 *
 * The order is what makes it safe: first this secret (its labels but AWSPREVIOUS), then the items (no token set of the
 * key, and no entry of any other connection that is in use or still to end), then a conditional write, then the event.
 * Whoever uses a key notes it before the call and reads the secret afterwards, so one of the two sees the other.
 *
 * @throws UnavailableError where the secret, the table or the event bus cannot be asked; the next sweep goes on
 */
export async function retireKeys(ports: KeyPorts, item: ConnectionItem): Promise<void> {
  const { table, clock } = ports;
  for (const [fingerprint, key] of retirableKeys(item, clock.now())) await retire(ports, item, fingerprint, key);
  const now = await table.read(item.connection, "strong");
  if (now) await table.reschedule(item.connection, now.nextActionAt, nextActionAt(now));
}

async function retire(ports: KeyPorts, { connection }: ConnectionItem, fingerprint: string, key: RetiringKey) {
  const { table, clock, events, notice } = ports;
  const now = clock.now();
  const isCarried =
    (await isLabelled(ports, connection, fingerprint)) || (await isUsed(ports, connection, fingerprint));
  if (isCarried) {
    await table.changeKey(connection, fingerprint, key, { ...key, lookAgainAt: now + lookAgain });
    return;
  }
  const announced: RetiringKey = { ...key, announcedAt: now };
  if (!(await table.changeKey(connection, fingerprint, key, announced))) return;
  await events.put({
    type: "api_key_retirable",
    connection,
    keyFingerprint: fingerprint,
    ...(key.id !== undefined && { apiKeyId: key.id }),
  });
  notice({ kind: "api_key_retirable", connection, keyFingerprint: fingerprint });
  if (key.id !== undefined) await revoke(ports, connection, key.id);
  // Only once the event is out: a death before it announces again.
  await table.changeKey(connection, fingerprint, announced, undefined);
}

/** Whether the secret may still bring the key back: AWSPREVIOUS may carry it, no other label may. */
async function isLabelled(ports: KeyPorts, connection: ConnectionItem["connection"], fingerprint: string) {
  const { registrations, secrets } = ports;
  for (const label of ["AWSCURRENT", "AWSPENDING"] as const) {
    const reading = await registrations.read(connection, label);
    if (reading.kind === "unknown") return false;
    if (reading.kind === "registered" && reading.registration.keyFingerprint === fingerprint) return true;
  }
  // What is staged need not be a whole registration: it may be the key alone.
  const staged = await secrets.read(secrets.idOf(connection), { label: "NEXT" });
  return staged !== undefined && stagedKeyFingerprint(staged) === fingerprint;
}

/** Whether a stored token set descends from the key, or another connection uses it or waits for the end of its tokens. */
async function isUsed({ table, clock }: KeyPorts, connection: ConnectionItem["connection"], fingerprint: string) {
  const carriers = await table.whoCarries(fingerprint);
  return carriers.some(
    (carrier) =>
      carrier.isOwn ||
      (carrier.connection !== connection &&
        carrier.entry !== undefined &&
        (carrier.entry.end === undefined || carrier.entry.end > clock.now())),
  );
}

/** Tells the registration's issuer to revoke a key. Throws where it does not, so that the next sweep tries again. */
async function revoke({ registrations, issuer }: KeyPorts, connection: ConnectionItem["connection"], apiKeyId: string) {
  const reading = await registrations.read(connection);
  if (reading.kind !== "registered" || !reading.registration.keyIssuer) return;
  const fault = await issuer.revoke(reading.registration, apiKeyId);
  if (fault !== undefined) throw new UnavailableError(`The key issuer did not revoke a key: ${fault}`);
}
