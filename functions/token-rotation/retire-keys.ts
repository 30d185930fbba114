import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import type { ConnectionItem } from "@smart-token-broker/auth-core/rules/connection-item.ts";
import { UnavailableError } from "@smart-token-broker/auth-core/rules/failure.ts";
import { stagedApiKeyId, stagedKeyFingerprint } from "@smart-token-broker/auth-core/rules/next-key.ts";
import {
  checkAgainDelay,
  nextActionAt,
  type RetiringKey,
  retirableKeys,
} from "@smart-token-broker/auth-core/rules/retiring-keys.ts";
import type { KeyPorts } from "@smart-token-broker/auth-core/use-cases/ports.ts";

/**
 * Announces the keys of a connection that nothing uses any more, each at least once: `api_key_retirable`; then has them
 * revoked, where an issuer made them.
 *
 * The order is what makes it safe: first this secret (its labels but AWSPREVIOUS), then the items (no token set of the
 * key, and no entry of any other connection that is in use or still to end), then a conditional write, then the event.
 * Whoever uses a key notes it before the call and reads the secret afterwards, so one of the two sees the other.
 *
 * A key that cannot be dealt with now holds no other up, and is looked at again later.
 */
export async function retireKeys(ports: KeyPorts, item: ConnectionItem): Promise<void> {
  const { table, clock, notice } = ports;
  const { connection } = item;
  for (const [fingerprint, key] of retirableKeys(item, clock.now())) {
    try {
      await retire(ports, connection, fingerprint, key);
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error;
      notice({ kind: "key_not_retired", connection, keyFingerprint: fingerprint, reason: error.message });
    }
  }
  const now = await table.read(connection, "strong");
  if (now) await table.reschedule(connection, now.nextActionAt, nextActionAt(now));
}

async function retire(ports: KeyPorts, connection: ConnectionId, fingerprint: string, key: RetiringKey): Promise<void> {
  const { table, clock, events, notice } = ports;
  const now = clock.now();
  const later = { ...key, checkAgainAt: now + checkAgainDelay(key, now) };
  const secret = await labelledKeys(ports, connection);
  const carrier = secret.fingerprints.has(fingerprint) ? "a label" : await otherCarrier(ports, connection, fingerprint);
  if (carrier !== undefined) {
    notice({ kind: "key_not_retired", connection, keyFingerprint: fingerprint, reason: `${carrier} carries it` });
    await table.changeKey(connection, fingerprint, key, later);
    return;
  }

  let noted = key;
  if (key.notifiedAt === undefined) {
    noted = { ...key, announcedAt: now };
    if (!(await table.changeKey(connection, fingerprint, key, noted))) return;
    await events.put({
      type: "api_key_retirable",
      connection,
      keyFingerprint: fingerprint,
      ...(key.id !== undefined && { apiKeyId: key.id }),
    });
    notice({ kind: "api_key_retirable", connection, keyFingerprint: fingerprint });
  }
  const fault = key.id === undefined ? undefined : await revoke(ports, connection, key.id, secret.ids);
  // Only once the event is out: a death before it announces again.
  await table.changeKey(
    connection,
    fingerprint,
    noted,
    fault === undefined
      ? undefined
      : { ...later, announcedAt: noted.announcedAt ?? now, notifiedAt: key.notifiedAt ?? now },
  );
  if (fault === undefined || key.notifiedAt !== undefined) return;
  const detail = `the key issuer did not revoke a key: ${fault}`;
  notice({ kind: "api_key_action_needed", connection, reason: "issuer_failed", detail });
  await events.put({ type: "api_key_action_needed", connection, reason: "issuer_failed", detail });
}

/**
 * The keys that this secret may bring back, and the issuer's ids of them: AWSPREVIOUS may carry a key that is retired, no
 * other label may. The texts are read as they are: one that is no registration any more still carries its key.
 */
async function labelledKeys({ secrets }: KeyPorts, connection: ConnectionId) {
  const carried = { fingerprints: new Set<string>(), ids: new Set<string>() };
  const secretId = secrets.idOf(connection);
  // A secret that is gone, or scheduled for deletion, carries nothing.
  if (!(await secrets.describe(secretId))) return carried;
  for (const label of ["AWSCURRENT", "AWSPENDING", "NEXT"]) {
    const text = await secrets.read(secretId, { label });
    const fingerprint = text === undefined ? undefined : stagedKeyFingerprint(text);
    const id = text === undefined ? undefined : stagedApiKeyId(text);
    if (fingerprint !== undefined) carried.fingerprints.add(fingerprint);
    if (id !== undefined) carried.ids.add(id);
  }
  return carried;
}

/** Whose stored token set descends from the key, or which other connection uses it or waits for the end of its tokens. */
async function otherCarrier({ table, clock }: KeyPorts, connection: ConnectionId, fingerprint: string) {
  const now = clock.now();
  const carrier = (await table.findByKey(fingerprint)).find(({ connection: other, isOwn, entry }) => {
    if (isOwn) return true;
    return other !== connection && entry !== undefined && (entry.end === undefined || entry.end > now);
  });
  return carrier && `the connection ${carrier.connection}`;
}

/** Tells the registration's issuer to revoke a key; `undefined` once that is done or not to be done, else why it is not. */
async function revoke(
  { registrations, issuer }: KeyPorts,
  connection: ConnectionId,
  apiKeyId: string,
  idsInUse: ReadonlySet<string>,
): Promise<string | undefined> {
  // A key that somebody put by hand may stand under another one's id: what is revoked by it would be that one.
  if (idsInUse.has(apiKeyId)) return "its id is that of a key that is in use";
  const reading = await registrations.read(connection);
  switch (reading.kind) {
    case "unknown":
      return undefined;
    case "not_ready":
      return reading.detail;
    case "registered":
      return reading.registration.keyIssuer ? issuer.revoke(reading.registration, apiKeyId) : undefined;
  }
}
