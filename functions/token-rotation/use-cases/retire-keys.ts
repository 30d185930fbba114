import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import type { ConnectionItem } from "@smart-token-broker/auth-core/rules/tokens/connection-item.ts";
import { catchUnavailable } from "@smart-token-broker/auth-core/rules/failure.ts";
import { keyActionDetail } from "@smart-token-broker/auth-core/rules/keys/key-action.ts";
import { stagedApiKeyId, stagedKeyFingerprint } from "@smart-token-broker/auth-core/rules/keys/next-key.ts";
import { nextActionAt } from "@smart-token-broker/auth-core/rules/tokens/schedule.ts";
import {
  checkAgainDelay,
  type RetiringKey,
  retirableKeys,
} from "@smart-token-broker/auth-core/rules/keys/retiring-keys.ts";
import type { KeyPorts } from "@smart-token-broker/auth-core/use-cases/ports.ts";

/**
 * Announces the keys of a connection that nothing uses any more, with the event `api_key_retirable`, each at least once.
 * Then requests their revocation from the issuer, if an issuer made them.
 *
 * The order makes it safe: read this secret (all labels but AWSPREVIOUS), then the items (no token set of the key, and no
 * other connection that uses it or waits for its end), then the secret of each other connection that noted the key, then
 * write conditionally, then send the event. A replacement does the opposite: it notes a key first and reads the secret
 * afterwards. A rotation notes the next key before it writes it. So at least one of the two sees the other.
 *
 * A key that fails does not delay the others. A later sweep checks it again.
 */
export async function retireKeys(ports: KeyPorts, item: ConnectionItem): Promise<void> {
  const { table, clock, notice } = ports;
  const { connection } = item;
  for (const [fingerprint, key] of retirableKeys(item, clock.now())) {
    await catchUnavailable(
      () => retire(ports, connection, fingerprint, key),
      (error) => notice({ kind: "key_not_retired", connection, keyFingerprint: fingerprint, reason: error.message }),
    );
  }
  const now = await table.read(connection, "strong");
  // Under a lease, the connection may be due because its stored token is dead: its outcome sets the next instant.
  if (now && now.leaseOwner === undefined) await table.reschedule(connection, now.nextActionAt, nextActionAt(now));
}

async function retire(ports: KeyPorts, connection: ConnectionId, fingerprint: string, key: RetiringKey): Promise<void> {
  const { table, clock, events, notice } = ports;
  const now = clock.now();
  const later = { ...key, checkAgainAt: now + checkAgainDelay(key, now) };
  const secret = await labelledKeys(ports, connection);
  const user = secret.fingerprints.has(fingerprint)
    ? "A label of the secret"
    : await userOf(ports, connection, fingerprint);
  if (user !== undefined) {
    const reason = `${user} still has this key. Next check in ${Math.round(checkAgainDelay(key, now) / 60)} min.`;
    notice({ kind: "key_not_retired", connection, keyFingerprint: fingerprint, reason });
    await table.changeKey(connection, fingerprint, key, later);
    return;
  }

  let noted = key;
  if (key.notifiedAt === undefined) {
    noted = { ...key, announcedAt: now };
    if (!(await table.changeKey(connection, fingerprint, key, noted))) return;
    await events.put({
      kind: "api_key_retirable",
      connection,
      keyFingerprint: fingerprint,
      ...(key.id !== undefined && { apiKeyId: key.id }),
    });
    notice({ kind: "api_key_retirable", connection, keyFingerprint: fingerprint });
  }
  const fault = key.id === undefined ? undefined : await revoke(ports, connection, key.id, secret.ids);
  // Only after the event: if the process dies before this write, the next sweep sends the event again.
  await table.changeKey(
    connection,
    fingerprint,
    noted,
    fault === undefined
      ? undefined
      : { ...later, announcedAt: noted.announcedAt ?? now, notifiedAt: key.notifiedAt ?? now },
  );
  if (fault === undefined || key.notifiedAt !== undefined) return;
  const cause = `the key issuer did not revoke an old key (${fault})`;
  const detail = keyActionDetail("issuer_failed", connection, cause, "The broker retries.");
  notice({ kind: "api_key_action_needed", connection, reason: "issuer_failed", detail });
  await events.put({ kind: "api_key_action_needed", connection, reason: "issuer_failed", detail });
}

/**
 * The keys that this secret has under any label but AWSPREVIOUS, and the issuer's ids of them. A retired key may stay
 * under AWSPREVIOUS. Reads the raw texts: a text that is not a valid registration still has its key.
 */
async function labelledKeys({ secrets }: KeyPorts, connection: ConnectionId) {
  const labelled = { fingerprints: new Set<string>(), ids: new Set<string>() };
  const secretId = secrets.idOf(connection);
  // A secret that is deleted, or scheduled for deletion, has no keys.
  if (!(await secrets.describe(secretId))) return labelled;
  for (const label of ["AWSCURRENT", "AWSPENDING", "NEXT"]) {
    const text = await secrets.read(secretId, { label });
    const fingerprint = text === undefined ? undefined : stagedKeyFingerprint(text);
    const id = text === undefined ? undefined : stagedApiKeyId(text);
    if (fingerprint !== undefined) labelled.fingerprints.add(fingerprint);
    if (id !== undefined) labelled.ids.add(id);
  }
  return labelled;
}

/**
 * The connection whose stored token set is from the key, or another one that uses the key, waits for its end, or has the
 * key under a label although its end has passed: a rotation there may have stopped for long.
 */
async function userOf(ports: KeyPorts, connection: ConnectionId, fingerprint: string) {
  const now = ports.clock.now();
  for (const { connection: other, isOwn, entry } of await ports.table.findByKey(fingerprint)) {
    if (!isOwn && other === connection) continue;
    const isUser = isOwn || entry?.end === undefined || entry.end > now;
    if (isUser || (await labelledKeys(ports, other)).fingerprints.has(fingerprint)) return `Connection ${other}`;
  }
  return undefined;
}

/** Revokes a key at the registration's issuer. Returns why it failed; `undefined` if it is done or there is no issuer. */
async function revoke(
  { registrations, issuer }: KeyPorts,
  connection: ConnectionId,
  apiKeyId: string,
  idsInUse: ReadonlySet<string>,
): Promise<string | undefined> {
  // An operator may have stored a new key beside the id of the old one. Revoking by that id could revoke a key in use.
  if (idsInUse.has(apiKeyId)) return "a key in use has the same id";
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
