import { backoff } from "../rules/tokens/backoff.ts";
import type { ConnectionItem } from "../rules/tokens/connection-item.ts";
import { catchUnavailable, type Failure, unknownConnection, withRetry } from "../rules/failure.ts";
import { needsOperator } from "../rules/failure-catalogue.ts";
import { retirementEnd, type RetiringKeys } from "../rules/keys/retiring-keys.ts";
import { nextActionAt } from "../rules/tokens/schedule.ts";
import { isValid, remaining, keepSameToken, type TokenSet, type TokenRequirements } from "../rules/tokens/token-set.ts";
import type { Lease } from "./lease.ts";
import type { KeyChanges, Ports } from "./ports.ts";
import { sendEvent } from "./send-event.ts";

/** The result of a replacement. */
export type Replacement =
  /** A new token set. `committed` is false if it could not be stored; it is served anyway. */
  | { kind: "replaced"; set: TokenSet; generation: number; committed: boolean }
  /** Another environment had already replaced the token set. */
  | { kind: "already_replaced"; item: ConnectionItem }
  /** This environment did not get the lease, or lost it, to `winner` if it read that: read the item and decide again. */
  | { kind: "conflict"; winner?: ConnectionItem | undefined }
  /** The registration has other names than the caller requires. Nothing was replaced. */
  | { kind: "other_names" }
  | { kind: "failed"; failure: Failure };

/** Stores a new token set if lease owner and generation are unchanged. Retries until the lease ends. */
export async function commit(
  ports: Ports,
  item: ConnectionItem,
  lease: Lease,
  next: TokenSet,
  keys: KeyChanges,
  requirements: TokenRequirements | undefined,
): Promise<Replacement> {
  const { connection, tokenSet } = item;
  const isSame = tokenSet?.accessToken.equals(next.accessToken) ?? false;
  const set = isSame && tokenSet ? keepSameToken(tokenSet, next, ports.clock.now()) : next;
  const generation = item.generation + (isSame ? 0 : 1);
  const written = scheduled(
    {
      connection,
      generation,
      tokenSet: set,
      failures: 0,
      ...(item.attemptedAt !== undefined && { attemptedAt: item.attemptedAt }),
      ...(item.rejectionReports && { rejectionReports: item.rejectionReports }),
    },
    item,
    keys,
  );
  const outcome = await writeUntil(ports, written, lease, keys);
  if (outcome.kind === "written") {
    const remainingSeconds = Math.floor(remaining(set, ports.clock.now()));
    ports.notice({
      kind: "replaced",
      connection,
      by: next.obtainedBy,
      generation,
      remainingSeconds,
      progress: !isSame,
    });
    if (item.operatorError) {
      ports.notice({ kind: "connection_recovered", connection });
      await sendEvent(ports, { kind: "connection_recovered", connection });
    }
    return { kind: "replaced", set, generation, committed: true };
  }
  let reason = outcome.kind === "unavailable" ? outcome.reason : "another environment took the lease";
  if (outcome.kind === "lost") {
    const { winner } = outcome;
    if (winner && winner.generation > lease.generation) {
      if (!winner.tokenSet) return { kind: "failed", failure: unknownConnection };
      if (isValid(winner.tokenSet, ports.clock.now(), requirements)) return { kind: "already_replaced", item: winner };
      reason = "another environment stored a token that is not valid";
    }
  }
  // The refresh token may be used up: serve this token. The next replacement can use the API key.
  ports.notice({ kind: "commit_not_written", connection, reason });
  return { kind: "replaced", set, generation, committed: false };
}

/** Sets `nextActionAt` of an item: its replacement or the check of a retiring key. */
function scheduled(next: ConnectionItem, item: ConnectionItem, keys: KeyChanges = {}): ConnectionItem {
  const retiringKeys: RetiringKeys = {};
  for (const [key, entry] of Object.entries({ ...item.retiringKeys, ...keys })) if (entry) retiringKeys[key] = entry;
  const { nextActionAt: _, ...rest } = next;
  const at = nextActionAt({ ...rest, retiringKeys });
  return at === undefined ? rest : { ...rest, nextActionAt: at };
}

type Written =
  | { kind: "written" }
  /** Another environment took the lease. `winner` is the item as it is now. */
  | { kind: "lost"; winner: ConnectionItem | undefined };

/**
 * Writes an outcome under the lease. If the table rejects the write, reads the item: the write may be done, its response
 * lost, and the rejected one its repetition.
 *
 * @throws UnavailableError if the table is unavailable
 */
async function write(ports: Ports, next: ConnectionItem, lease: Lease, keys?: KeyChanges): Promise<Written> {
  if (await ports.table.write(next, lease, keys)) return { kind: "written" };
  const stored = await ports.table.read(next.connection, "strong");
  return stored && isWrittenAs(next, stored, lease) ? { kind: "written" } : { kind: "lost", winner: stored };
}

/**
 * Whether this process wrote the stored outcome: the failure of that instant, or the token of that request. A later lease
 * or due date says nothing: they may follow the write. But a lease has the instant of its attempt, and if upstream returned
 * the stored token again, no other instant tells two attempts apart.
 */
function isWrittenAs(next: ConnectionItem, stored: ConnectionItem, lease: Lease): boolean {
  // The table rounds instants to milliseconds.
  const isSame = (one = 0, other = 0) => Math.abs(one - other) < 0.001;
  // Other credentials may have failed since, too. Their failure counts on, and was not reported.
  const isFollowed = stored.generation === next.generation && stored.failures > next.failures;
  if (isFollowed && next.operatorError !== undefined && stored.operatorError !== undefined) return true;
  return (
    isSame(stored.lastError?.at, next.lastError?.at) &&
    isSame(stored.tokenSet?.obtainedAt, next.tokenSet?.obtainedAt) &&
    (next.lastError !== undefined || next.generation > lease.generation || isSame(stored.attemptedAt, next.attemptedAt))
  );
}

async function writeUntil(
  ports: Ports,
  next: ConnectionItem,
  lease: Lease,
  keys: KeyChanges,
): Promise<Written | { kind: "unavailable"; reason: string }> {
  for (let pause = 0.1; ; pause = Math.min(pause * 2, 1)) {
    const outcome = await catchUnavailable(
      () => write(ports, next, lease, keys),
      ({ message }) => ({ kind: "unavailable" as const, reason: message }),
    );
    if (outcome.kind !== "unavailable") return outcome;
    const wait = pause * (0.5 + 0.5 * ports.random());
    if (ports.clock.now() + wait >= lease.until) return outcome;
    await ports.clock.sleep(wait);
  }
}

/** Stores a failure, so that all environments back off together. The stored token set stays. */
export async function fail(
  ports: Ports,
  item: ConnectionItem,
  lease: Lease,
  failure: Failure,
  more: { skipRefresh?: boolean; rejectedFingerprint?: string } = {},
): Promise<Replacement> {
  const now = ports.clock.now();
  const failures = item.failures + 1;
  const left = item.tokenSet && isValid(item.tokenSet, now) ? remaining(item.tokenSet, now) : undefined;
  const { code, detail, retryAfter } = failure;
  const wait = backoff({ code, failures, left, retryAfter, random: ports.random() });
  const { leaseOwner: _, leaseUntil: __, skipRefresh: ___, rejectedFingerprint: ____, ...kept } = item;
  const next = scheduled(
    {
      ...kept,
      failures,
      retryAt: now + wait,
      lastError: { code, detail, at: now },
      ...(needsOperator(code) && { operatorError: code }),
      ...((more.skipRefresh ?? item.skipRefresh) && { skipRefresh: true }),
      ...(more.rejectedFingerprint !== undefined && { rejectedFingerprint: more.rejectedFingerprint }),
    },
    item,
  );
  ports.notice({ kind: "replacement_failed", connection: item.connection, code, reason: detail, failures });
  const written = await catchUnavailable(
    () => write(ports, next, lease),
    (error) => ports.notice({ kind: "table_unavailable", connection: item.connection, reason: error.message }),
  );
  if (written?.kind === "lost") return { kind: "conflict", winner: written.winner };
  if (written?.kind === "written" && needsOperator(code) && !item.operatorError) {
    // EventBridge keeps no events: the log is where an operator can read them.
    ports.notice({ kind: "connection_rejected", connection: item.connection, reason: code, detail });
    await sendEvent(ports, { kind: "connection_rejected", connection: item.connection, code, detail });
  }
  return { kind: "failed", failure: needsOperator(code) ? failure : withRetry(failure, wait) };
}

/** Deletes the tokens of a deleted registration. The higher generation stops a replacement that is still running. */
export async function erase(ports: Ports, item: ConnectionItem, lease: Lease): Promise<Replacement> {
  const { connection } = item;
  const now = ports.clock.now();
  // Its keys are not used any more: they begin to retire.
  const end = retirementEnd(now);
  const keys: KeyChanges = {};
  for (const [key, entry] of Object.entries(item.retiringKeys ?? {})) keys[key] = { ...entry, end: entry.end ?? end };
  if (item.tokenSet) {
    const { keyFingerprint: own, apiKeyId: id } = item.tokenSet;
    keys[own] = { since: now, ...(id !== undefined && { id }), ...keys[own], end };
  }
  const next = scheduled(
    {
      connection,
      generation: item.generation + 1,
      failures: 0,
      lastError: { code: "unknown_connection", detail: unknownConnection.detail, at: now },
    },
    item,
    keys,
  );
  const written = await write(ports, next, lease, keys);
  if (written.kind === "lost") return { kind: "conflict", winner: written.winner };
  ports.notice({ kind: "registration_gone", connection });
  return { kind: "failed", failure: unknownConnection };
}
