import type { ConnectionId } from "../rules/connection-id.ts";
import type { ConnectionItem } from "../rules/connection-item.ts";
import { type Failure, UnavailableError } from "../rules/failure.ts";
import type { Registration } from "../rules/registration.ts";
import { type RetiringKeys, retirementEnd } from "../rules/retiring-keys.ts";
import { nextTokenSet, type TokenRequirements } from "../rules/token-set.ts";
import { callUpstream } from "./call-upstream.ts";
import { type Lease, leaseSeconds } from "./lease.ts";
import type { KeyChanges, Ports, ExpectedVersion } from "./ports.ts";
import { commit, erase, fail, type Replacement } from "./store-outcome.ts";

/**
 * Replaces one connection's token set, once, under its lease: the one path for callers and for the schedule.
 *
 * At most two upstream calls: the refresh grant, then the API-key exchange. Stores the outcome, good or bad. Does not
 * retry, does not wait for anyone, and deletes nothing but the tokens of a registration that is gone.
 *
 * @param seen what the item was when this was decided; `undefined` where there was none
 * @param isNeeded asked again under the lease
 * @throws UnavailableError where the lease could not be taken because the table does not answer
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
  // This write also proves, before a refresh token is spent, that the table can be written.
  const leased = await ports.table.takeLease(connection, { expected, owner, now, until });
  if (!leased) return { kind: "conflict" };
  const lease: Lease = { owner, generation: leased.generation, until };
  if (!isNeeded(leased)) {
    await release(ports, connection, owner);
    return { kind: "already_replaced", item: leased };
  }

  const reading = await readForUse(ports, leased, lease);
  const item = { ...leased, retiringKeys: reading.retiringKeys };
  switch (reading.kind) {
    case "lost":
      return { kind: "conflict" };
    case "unavailable":
      return fail(ports, item, lease, unavailableSecrets);
    case "unknown":
      return erase(ports, item, lease);
    case "not_ready":
      return fail(ports, item, lease, { code: "connection_not_ready", detail: reading.detail });
    case "registered":
  }
  for (const warning of reading.warnings) ports.notice({ kind: "registration_warning", connection, warning });

  const got = await callUpstream(ports, item, lease, reading.registration, requirements);
  if ("failure" in got) return fail(ports, item, lease, got.failure, got);
  const { answer, by, refreshTokenRejected } = got;
  const next = nextTokenSet(
    answer.tokens,
    by,
    {
      registration: reading.registration,
      keyCreatedAt: reading.keyCreatedAt,
      previous: item.tokenSet,
      refreshTokenRejected,
    },
    ports.random(),
  );
  if (answer.tokens.scope !== undefined && answer.tokens.scope !== reading.registration.scope) {
    const warning = "upstream's scope differs from the registered one";
    ports.notice({ kind: "registration_warning", connection, warning });
  }
  const keys = await keysThatLeave(ports, item, reading.registration);
  return commit(ports, item, lease, next, keys, requirements);
}

/**
 * The registration under the lease, and the retiring keys as they are after it. A key that is about to be used and is not
 * the stored set's own, or was on its way out, is noted as in use *before* the call, and the registration read once more:
 * whoever retires keys must not announce one while a token of it is being made.
 */
async function readForUse(ports: Ports, item: ConnectionItem, lease: Lease) {
  const { connection, tokenSet } = item;
  const retiringKeys: RetiringKeys = { ...item.retiringKeys };
  for (;;) {
    const reading = await readRegistration(ports, connection);
    if (reading.kind !== "registered") return { ...reading, retiringKeys };
    const { keyFingerprint } = reading.registration;
    const entry = retiringKeys[keyFingerprint];
    const isInUse = entry ? entry.end === undefined : tokenSet?.keyFingerprint === keyFingerprint;
    if (isInUse) return { ...reading, retiringKeys };
    const inUse = { since: entry?.since ?? ports.clock.now() };
    if (!(await ports.table.noteKey(connection, keyFingerprint, inUse, lease.owner))) {
      return { kind: "lost" as const, retiringKeys };
    }
    retiringKeys[keyFingerprint] = inUse;
  }
}

/** What a commit changes of the retiring keys: the key it uses is the set's own now, every other one begins to retire. */
async function keysThatLeave(ports: Ports, item: ConnectionItem, registration: Registration): Promise<KeyChanges> {
  const { connection, tokenSet, retiringKeys = {} } = item;
  const { keyFingerprint, apiKeyId } = registration;
  const now = ports.clock.now();
  const end = retirementEnd(now);
  const changes: KeyChanges = {};
  const leave = (key: string, id?: string) => {
    const entry = retiringKeys[key];
    if (key === keyFingerprint || entry?.end !== undefined) return;
    // An id that the new key has too was left standing by a hand that changed only the key: it names the new one.
    const { id: noted, ...rest } = { since: now, ...entry, ...changes[key] };
    const named = [id, noted].find((one) => one !== undefined && one !== apiKeyId);
    changes[key] = { ...rest, end, ...(named !== undefined && { id: named }) };
  };
  for (const key of Object.keys(retiringKeys)) leave(key);
  if (tokenSet?.keyFingerprint !== keyFingerprint) {
    changes[keyFingerprint] = undefined;
    if (tokenSet) leave(tokenSet.keyFingerprint);
    // Two values put by hand before one replacement: the first of them was never in an item.
    const previous = await readRegistration(ports, connection, "AWSPREVIOUS");
    if (previous.kind === "registered") leave(previous.registration.keyFingerprint, previous.registration.apiKeyId);
  } else if (keyFingerprint in retiringKeys) {
    changes[keyFingerprint] = undefined;
  }
  return changes;
}

/** Gives the lease back early; where that fails it ends by itself. */
async function release(ports: Ports, connection: ConnectionId, owner: string): Promise<void> {
  try {
    await ports.table.release(connection, owner);
  } catch (error) {
    if (!(error instanceof UnavailableError)) throw error;
    ports.notice({ kind: "table_unavailable", connection, reason: error.message });
  }
}

/** The secret as it is now, or that it cannot be read. */
export async function readRegistration(ports: Ports, connection: ConnectionId, label?: "AWSPREVIOUS") {
  try {
    return await ports.registrations.read(connection, label);
  } catch (error) {
    if (!(error instanceof UnavailableError)) throw error;
    ports.notice({ kind: "secrets_unavailable", connection, reason: error.message });
    return { kind: "unavailable" as const };
  }
}

export const unavailableSecrets: Failure = {
  code: "unavailable",
  detail: "the secret store does not answer",
  retryAfter: 1,
};
