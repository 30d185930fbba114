import type { ConnectionId } from "../rules/connection-id.ts";
import type { ConnectionItem } from "../rules/tokens/connection-item.ts";
import { catchUnavailable, connectionNotReady, registrationUnavailable } from "../rules/failure.ts";
import type { Registration } from "../rules/upstream/registration.ts";
import { afterReport } from "../rules/tokens/rejection-reports.ts";
import { type RetiringKeys, retirementEnd } from "../rules/keys/retiring-keys.ts";
import { hasNames, nextTokenSet, type TokenRequirements } from "../rules/tokens/token-set.ts";
import { callUpstream } from "./call-upstream.ts";
import { type Lease, leaseSeconds } from "./lease.ts";
import type { ExpectedVersion, KeyChanges, Ports } from "./ports.ts";
import { readRegistration } from "./read-registration.ts";
import { commit, erase, fail, type Replacement } from "./store-outcome.ts";

/**
 * Replaces a connection's token set once, under its lease, for callers and for the sweep.
 *
 * Makes at most two upstream calls: the refresh token, then the API key. Stores the result, success or failure. Does not
 * retry or wait. Deletes the tokens of a deleted registration, and nothing else.
 *
 * @param expected the item that the decision was based on; `undefined` if there was none
 * @param isNeeded checked again under the lease
 * @throws UnavailableError if the table is unavailable before the lease is taken
 */
export async function replace(
  ports: Ports,
  connection: ConnectionId,
  expected: ExpectedVersion | undefined,
  isNeeded: (item: ConnectionItem) => boolean,
  requirements?: TokenRequirements,
): Promise<Replacement> {
  const owner = ports.newLeaseOwner();
  const now = ports.clock.now();
  const until = now + leaseSeconds;
  // This write also proves that the table accepts writes, before a refresh token is used.
  // A reported token is replaced before it is due. If this process dies, upstream may have invalidated the stored one.
  const isDue = requirements?.rejectedSha256 !== undefined;
  const leased = await ports.table.takeLease(connection, { expected, owner, now, until, isDue });
  if (!leased) return { kind: "conflict" };
  const lease: Lease = { owner, generation: leased.generation, until };
  if (!isNeeded(leased)) {
    await release(ports, connection, owner);
    return { kind: "already_replaced", item: leased };
  }

  const reading = await readForUse(ports, leased, lease);
  const item = { ...leased, retiringKeys: reading.retiringKeys, ...afterReport(leased, now, requirements) };
  switch (reading.kind) {
    case "lost":
      return { kind: "conflict" };
    case "unavailable":
      return fail(ports, item, lease, registrationUnavailable);
    case "unknown":
      return erase(ports, item, lease);
    case "not_ready":
      return fail(ports, item, lease, connectionNotReady(reading.detail));
    case "registered":
  }
  if (!hasNames(reading.registration, requirements?.registeredAs)) {
    await release(ports, connection, owner);
    return { kind: "other_names" };
  }
  for (const warning of reading.warnings) ports.notice({ kind: "registration_warning", connection, warning });

  const called = await callUpstream(ports, item, lease, reading.registration, requirements);
  if (called.kind === "failed") return fail(ports, item, lease, called.failure, called);
  const { tokens, grant, refreshTokenRejected } = called;
  const next = nextTokenSet(
    tokens,
    grant,
    {
      registration: reading.registration,
      keyCreatedAt: reading.keyCreatedAt,
      previous: item.tokenSet,
      refreshTokenRejected,
    },
    ports.random(),
  );
  if (tokens.scope !== undefined && tokens.scope !== reading.registration.scope) {
    const warning = "the scope of the token differs from the registered scope";
    ports.notice({ kind: "registration_warning", connection, warning });
  }
  const keys = await keyChanges(ports, item, reading.registration);
  return commit(ports, item, lease, next, keys, requirements);
}

/**
 * Reads the registration under the lease, and returns the retiring keys too. If the key is retiring, or is not the key of
 * the stored token set, notes it as in use *before* the upstream call and reads the registration again. Otherwise the
 * sweep could announce a key as retirable while upstream issues a token for it.
 */
async function readForUse(ports: Ports, item: ConnectionItem, lease: Lease) {
  const { connection, tokenSet } = item;
  const retiringKeys: RetiringKeys = { ...item.retiringKeys };
  for (;;) {
    const reading = await readRegistration(ports, connection);
    if (reading.kind !== "registered") return { ...reading, retiringKeys };
    const { keyFingerprint, apiKeyId: id } = reading.registration;
    const entry = retiringKeys[keyFingerprint];
    const isInUse = entry ? entry.end === undefined : tokenSet?.keyFingerprint === keyFingerprint;
    if (isInUse) return { ...reading, retiringKeys };
    const inUse = { since: entry?.since ?? ports.clock.now(), ...(id !== undefined && { id }) };
    if (!(await ports.table.noteKey(connection, keyFingerprint, inUse, lease.owner))) {
      return { kind: "lost" as const, retiringKeys };
    }
    retiringKeys[keyFingerprint] = inUse;
  }
}

/** The retiring keys that a commit changes: it removes the entry of its key, and every other key starts to retire. */
async function keyChanges(ports: Ports, item: ConnectionItem, registration: Registration): Promise<KeyChanges> {
  const { connection, tokenSet, retiringKeys = {} } = item;
  const { keyFingerprint, apiKeyId } = registration;
  const now = ports.clock.now();
  const end = retirementEnd(now);
  const changes: KeyChanges = {};
  const startRetiring = (key: string, id?: string) => {
    const entry = retiringKeys[key];
    if (key === keyFingerprint || entry?.end !== undefined) return;
    // If the new key has the same id, an operator changed only the key: the id belongs to the new key.
    const { id: notedId, ...rest } = { since: now, ...entry, ...changes[key] };
    const ownId = [id, notedId].find((candidate) => candidate !== undefined && candidate !== apiKeyId);
    changes[key] = { ...rest, end, ...(ownId !== undefined && { id: ownId }) };
  };
  for (const key of Object.keys(retiringKeys)) startRetiring(key);
  if (tokenSet?.keyFingerprint !== keyFingerprint) {
    changes[keyFingerprint] = undefined;
    if (tokenSet) startRetiring(tokenSet.keyFingerprint, tokenSet.apiKeyId);
    // An operator may have stored two values before this replacement: no item has the key of the first.
    const previous = await readRegistration(ports, connection, "AWSPREVIOUS");
    if (previous.kind === "registered") {
      startRetiring(previous.registration.keyFingerprint, previous.registration.apiKeyId);
    }
  } else if (keyFingerprint in retiringKeys) {
    changes[keyFingerprint] = undefined;
  }
  return changes;
}

/** Releases the lease early. If this fails, the lease ends by itself. */
async function release(ports: Ports, connection: ConnectionId, owner: string): Promise<void> {
  await catchUnavailable(
    () => ports.table.release(connection, owner),
    (error) => ports.notice({ kind: "table_unavailable", connection, reason: error.message }),
  );
}
