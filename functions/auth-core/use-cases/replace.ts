import { backoff, needsOperator } from "../rules/backoff.ts";
import type { ConnectionId } from "../rules/connection-id.ts";
import type { ConnectionItem } from "../rules/connection-item.ts";
import { type Failure, UnavailableError } from "../rules/failure.ts";
import type { Registration } from "../rules/registration.ts";
import {
  canRefresh,
  isValid,
  nextTokenSet,
  remaining,
  sameTokenAgain,
  skew,
  type TokenSet,
  type Want,
} from "../rules/token-set.ts";
import type { UpstreamAnswer } from "../rules/upstream-answer.ts";
import { exchangeRequest, refreshRequest } from "../rules/upstream-request.ts";
import type { Fence, Ports, Seen } from "./ports.ts";

/** Seconds. The lease outlives everything that is done under it: a read of the secret, two calls, the commit. */
export const leaseSeconds = 15;
export const upstreamSeconds = 5;
const commitMargin = 3;

export type Replacement =
  /** A new token set; `committed` is false where the table could not be written: it is handed out all the same. */
  | { kind: "replaced"; set: TokenSet; generation: number; committed: boolean }
  /** Under the lease it turned out that someone else had done it already. */
  | { kind: "settled"; item: ConnectionItem }
  /** The lease was not given, or lost: read again and decide anew. */
  | { kind: "moved" }
  | { kind: "failed"; failure: Failure };

interface Lease extends Fence {
  until: number;
}

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
  seen: Seen | undefined,
  isNeeded: (item: ConnectionItem) => boolean,
  want?: Want,
): Promise<Replacement> {
  const owner = ports.newLeaseOwner();
  const now = ports.clock.now();
  const until = now + leaseSeconds;
  // This write also proves, before a refresh token is spent, that the table can be written.
  const item = await ports.table.takeLease(connection, { seen, owner, now, until });
  if (!item) return { kind: "moved" };
  const lease: Lease = { owner, generation: item.generation, until };
  if (!isNeeded(item)) {
    await release(ports, connection, owner);
    return { kind: "settled", item };
  }

  const reading = await readRegistration(ports, connection);
  switch (reading.kind) {
    case "unavailable":
      return fail(ports, item, lease, unavailableSecrets);
    case "unknown":
      return erase(ports, item, lease);
    case "not_ready":
      return fail(ports, item, lease, { code: "connection_not_ready", detail: reading.detail });
    case "registered":
  }
  for (const warning of reading.warnings) ports.notice({ kind: "registration_warning", connection, warning });

  const got = await callUpstream(ports, item, lease, reading.registration, want);
  if ("failure" in got) return fail(ports, item, lease, got.failure, got);
  const { answer, by, refreshRefused } = got;
  const next = nextTokenSet(
    answer.tokens,
    by,
    { registration: reading.registration, keyCreatedAt: reading.keyCreatedAt, previous: item.tokenSet, refreshRefused },
    ports.random(),
  );
  if (answer.tokens.scope !== undefined && answer.tokens.scope !== reading.registration.scope) {
    const warning = "upstream's scope differs from the registered one";
    ports.notice({ kind: "registration_warning", connection, warning });
  }
  return commit(ports, item, lease, next, want);
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
export async function readRegistration(ports: Ports, connection: ConnectionId) {
  try {
    return await ports.registrations.read(connection);
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

type Tokens = Extract<UpstreamAnswer, { kind: "tokens" }>;

interface GrantFailure {
  failure: Failure;
  /** The refresh grant failed: the next attempt starts with the exchange. */
  exchangeNext: boolean;
  refusedFingerprint?: string;
}

/** The refresh grant where there is a live one, the exchange where there is none or it failed. */
async function callUpstream(
  ports: Ports,
  item: ConnectionItem,
  lease: Lease,
  registration: Registration,
  want: Want | undefined,
): Promise<{ answer: Tokens; by: "exchange" | "refresh"; refreshRefused: boolean } | GrantFailure> {
  const { connection, tokenSet } = item;
  const fits = () => ports.clock.now() + upstreamSeconds <= lease.until - commitMargin;
  let exchangeNext = item.exchangeNext ?? false;
  let refreshRefused = false;

  // A pause before this point may have used up the lease: a refresh token is not spent without it.
  if (fits() && !exchangeNext && tokenSet?.refreshToken && canRefresh(tokenSet, registration, ports.clock.now())) {
    const answer = await ports.upstream.call(refreshRequest(registration, tokenSet.refreshToken), registration);
    if (answer.kind === "tokens" && !isUseless(answer, tokenSet, ports.clock.now(), want)) {
      return { answer, by: "refresh", refreshRefused };
    }
    const reason = answer.kind === "tokens" ? "a token that helps nobody" : describeAnswer(answer);
    ports.notice({ kind: "refresh_failed", connection, reason });
    if (answer.kind === "passing" && answer.rateLimited) {
      return { failure: failureOf(answer), exchangeNext };
    }
    refreshRefused = answer.kind === "refused";
    exchangeNext = true;
  }

  if (!fits()) {
    const detail = "there was no time left to ask Smart Services; the next attempt goes on from here";
    return { failure: { code: "upstream_unavailable", detail, retryAfter: 1 }, exchangeNext };
  }
  const answer = await ports.upstream.call(exchangeRequest(registration), registration);
  if (answer.kind !== "tokens") {
    return {
      failure: failureOf(answer),
      exchangeNext,
      ...(answer.kind === "refused" && { refusedFingerprint: registration.credentialFingerprint }),
    };
  }
  if (isUseless(answer, tokenSet, ports.clock.now(), want)) {
    const detail = "Smart Services keeps returning a token that is expired or was reported as rejected";
    return { failure: { code: "upstream_unavailable", detail, retryAfter: 30 }, exchangeNext };
  }
  return { answer, by: "exchange", refreshRefused };
}

/** A token that has expired on its way, or the stored one once more though it is expired or rejected. */
function isUseless({ tokens }: Tokens, stored: TokenSet | undefined, now: number, want: Want | undefined): boolean {
  if (tokens.sentAt + tokens.lifetime - skew <= now) return true;
  return stored !== undefined && tokens.accessToken.equals(stored.accessToken) && !isValid(stored, now, want);
}

function failureOf(answer: Exclude<UpstreamAnswer, Tokens>): Failure {
  switch (answer.kind) {
    case "refused":
      return {
        code: "credentials_rejected",
        detail: `Smart Services refused the API key of this connection (HTTP status ${answer.status})`,
      };
    case "malformed":
      return { code: "upstream_malformed", detail: "Smart Services answered in a shape that is not known" };
    case "passing":
      return {
        code: "upstream_unavailable",
        detail: "Smart Services did not answer as it should; it is asked again by itself",
        ...(answer.retryAfter !== undefined && { retryAfter: answer.retryAfter }),
      };
  }
}

/** For the log: what upstream did, without any value of it. */
function describeAnswer(answer: Exclude<UpstreamAnswer, Tokens>): string {
  switch (answer.kind) {
    case "refused":
      return `refused with HTTP status ${answer.status}`;
    case "malformed":
      return `malformed: ${answer.shape}`;
    case "passing":
      return answer.reason;
  }
}

/** Stores a new set, fenced by lease owner and generation and by nothing else; retried as long as the lease lasts. */
async function commit(
  ports: Ports,
  item: ConnectionItem,
  lease: Lease,
  next: TokenSet,
  want: Want | undefined,
): Promise<Replacement> {
  const { connection, tokenSet } = item;
  const isSame = tokenSet?.accessToken.equals(next.accessToken) ?? false;
  const set = isSame && tokenSet ? sameTokenAgain(tokenSet, next, ports.clock.now()) : next;
  const generation = item.generation + (isSame ? 0 : 1);
  const written: ConnectionItem = {
    connection,
    generation,
    tokenSet: set,
    nextActionAt: set.dueAt,
    failures: 0,
    ...(item.attemptedAt !== undefined && { attemptedAt: item.attemptedAt }),
  };
  const outcome = await writeUntil(ports, written, lease);
  if (outcome === true) {
    ports.notice({ kind: "replaced", connection, by: next.obtainedBy, generation, progress: !isSame });
    return { kind: "replaced", set, generation, committed: true };
  }
  let reason = outcome === false ? "another took the lease" : outcome.message;
  if (outcome === false) {
    const theirs = await readOrUndefined(ports, connection);
    if (theirs && theirs.generation > lease.generation) {
      if (!theirs.tokenSet) return { kind: "failed", failure: unknownConnection };
      if (isValid(theirs.tokenSet, ports.clock.now(), want)) return { kind: "settled", item: theirs };
      reason = "another committed a token that is not valid";
    }
  }
  // Upstream has spent the refresh token for this set: the caller gets it, and the API key mends the rest later.
  ports.notice({ kind: "commit_not_written", connection, reason });
  return { kind: "replaced", set, generation, committed: false };
}

async function writeUntil(ports: Ports, next: ConnectionItem, lease: Lease): Promise<boolean | UnavailableError> {
  for (let pause = 0.1; ; pause = Math.min(pause * 2, 1)) {
    try {
      return await ports.table.write(next, lease);
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error;
      const wait = pause * (0.5 + 0.5 * ports.random());
      if (ports.clock.now() + wait >= lease.until) return error;
      await ports.clock.sleep(wait);
    }
  }
}

/** Stores a failure, so that every environment backs off together. What is stored of the token set stays as it is. */
async function fail(
  ports: Ports,
  item: ConnectionItem,
  lease: Lease,
  failure: Failure,
  more: { exchangeNext?: boolean; refusedFingerprint?: string } = {},
): Promise<Replacement> {
  const now = ports.clock.now();
  const failures = item.failures + 1;
  const left = item.tokenSet && isValid(item.tokenSet, now) ? remaining(item.tokenSet, now) : undefined;
  const { code, detail, retryAfter } = failure;
  const wait = backoff({ code, failures, left, retryAfter, random: ports.random() });
  const { leaseOwner: _, leaseUntil: __, exchangeNext: ___, refusedFingerprint: ____, ...kept } = item;
  const next: ConnectionItem = {
    ...kept,
    failures,
    retryAt: now + wait,
    nextActionAt: now + wait,
    lastError: { code, detail, at: now },
    ...((more.exchangeNext ?? item.exchangeNext) && { exchangeNext: true }),
    ...(more.refusedFingerprint !== undefined && { refusedFingerprint: more.refusedFingerprint }),
  };
  ports.notice({ kind: "replacement_failed", connection: item.connection, code, reason: detail, failures });
  try {
    if (!(await ports.table.write(next, lease))) return { kind: "moved" };
  } catch (error) {
    if (!(error instanceof UnavailableError)) throw error;
    ports.notice({ kind: "table_unavailable", connection: item.connection, reason: error.message });
  }
  return { kind: "failed", failure: needsOperator(code) ? failure : { ...failure, retryAfter: wait } };
}

/** The registration is gone: its tokens go, and the raised generation fences off whatever is still in flight. */
async function erase(ports: Ports, item: ConnectionItem, lease: Lease): Promise<Replacement> {
  const { connection } = item;
  const now = ports.clock.now();
  const next: ConnectionItem = {
    connection,
    generation: item.generation + 1,
    failures: 0,
    lastError: { code: "unknown_connection", detail: unknownConnection.detail, at: now },
  };
  if (!(await ports.table.write(next, lease))) return { kind: "moved" };
  ports.notice({ kind: "registration_gone", connection });
  return { kind: "failed", failure: unknownConnection };
}

export const unknownConnection: Failure = {
  code: "unknown_connection",
  detail: "there is no secret for this connection, or it is scheduled for deletion",
};

async function readOrUndefined(ports: Ports, connection: ConnectionId): Promise<ConnectionItem | undefined> {
  try {
    return await ports.table.read(connection, "strong");
  } catch (error) {
    if (!(error instanceof UnavailableError)) throw error;
    return undefined;
  }
}
