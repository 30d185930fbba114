import type { ConnectionId } from "../rules/connection-id.ts";
import type { ConnectionItem } from "../rules/tokens/connection-item.ts";
import { decide, registrationCheckInterval } from "../rules/tokens/decision.ts";
import {
  connectionNotReady,
  type Failure,
  registeredOtherwise,
  secretsUnavailable,
  tableUnavailable,
  UnavailableError,
  unknownConnection,
} from "../rules/failure.ts";
import { isSufficient, isValid, type TokenSet, type TokenRequirements } from "../rules/tokens/token-set.ts";
import { isRecent, Memory } from "./memory.ts";
import type { Ports } from "./ports.ts";
import { readRegistration } from "./read-registration.ts";
import { replace } from "./replace.ts";
import type { Replacement } from "./store-outcome.ts";

/** The source of a served token. */
export type Source = "memory" | "table" | "upstream";

export type Answer =
  | { kind: "token"; set: TokenSet; generation: number; source: Source }
  | { kind: "failure"; failure: Failure };

/** Seconds a request without a valid token waits for a replacement that another environment started. */
const maxWaitSeconds = 8;

/**
 * Serves access tokens that are valid now: from memory, then from the table, then by one replacement.
 *
 * An instance has the memory of one environment. Concurrent requests for a connection share one lookup.
 */
export class TokenService {
  readonly #ports: Ports;
  readonly #memory = new Memory();
  readonly #pending = new Map<string, { answer: Promise<Answer>; minTtl: number }>();

  constructor(ports: Ports) {
    this.#ports = ports;
  }

  /** A sufficient token; else a valid one; else the failure. */
  async get(connection: ConnectionId, requirements: TokenRequirements): Promise<Answer> {
    const { minTtl: _, ...lookup } = requirements;
    const pendingKey = JSON.stringify([connection, lookup]);
    for (;;) {
      // Memory may contain the rejected token, so it does not serve callers that report one.
      const remembered =
        requirements.rejectedSha256 === undefined ? this.#fromMemory(connection, requirements) : undefined;
      if (remembered) return remembered;
      const pending = this.#pending.get(pendingKey);
      if (!pending) break;
      const answer = await pending.answer;
      // A lookup with the same or a higher min_ttl is final: many waiting requests must not retry one after the other.
      const isAnswer = answer.kind === "failure" || requirements.minTtl <= pending.minTtl;
      if (isAnswer || isSufficient(answer.set, this.#ports.clock.now(), requirements)) return answer;
    }
    const answer = this.#obtain(connection, requirements).finally(() => this.#pending.delete(pendingKey));
    this.#pending.set(pendingKey, { answer, minTtl: requirements.minTtl });
    return answer;
  }

  #fromMemory(connection: ConnectionId, requirements: TokenRequirements): Answer | undefined {
    const now = this.#ports.clock.now();
    const entry = this.#memory.get(connection);
    if (!entry || !isRecent(entry, now) || !isSufficient(entry.set, now, requirements)) return undefined;
    return { kind: "token", set: entry.set, generation: entry.generation, source: "memory" };
  }

  /** Reads the item and acts on it until there is an answer. Reads it consistently before every error. */
  async #obtain(connection: ConnectionId, requirements: TokenRequirements): Promise<Answer> {
    const { table, clock } = this.#ports;
    const giveUpAt = clock.now() + maxWaitSeconds;
    let item: ConnectionItem | undefined;
    let waitedSince: ConnectionItem | undefined;
    try {
      for (;;) {
        const readAt = clock.now();
        item = await table.read(connection, "strong");
        const decision = decide(item, clock.now(), requirements, waitedSince);
        switch (decision.kind) {
          case "serve":
            return this.#serve(connection, decision.set, item?.generation ?? 0, "table", readAt);
          case "fail":
            return { kind: "failure", failure: decision.failure };
          case "wait":
            if (clock.now() >= giveUpAt) return { kind: "failure", failure: stillReplacing };
            waitedSince ??= item;
            item = await this.#waitForChange(connection, requirements, giveUpAt);
            continue;
          case "load_registration": {
            const missing = this.#memory.missing(connection, clock.now());
            if (missing) return { kind: "failure", failure: missing };
            const failure = await this.#findRegistration(connection);
            if (failure) return await this.tokenOr(failure, connection, requirements);
            break;
          }
          case "recheck_registration":
            // Another environment may have committed during the check: read the item again.
            if (!(await this.#isRegistrationFixed(connection, decision.rejectedFingerprint))) continue;
            break;
          case "replace":
        }
        const answer = await this.#replace(connection, item, requirements);
        if (answer.kind !== "conflict") return answer;
        // The next read may fail: then the winner's token is served.
        item = answer.winner ?? item;
        if (clock.now() >= giveUpAt) return await this.tokenOr(stillReplacing, connection, requirements);
      }
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error;
      return this.#withoutTable(connection, item, requirements, error);
    }
  }

  /** Replaces the token set once. A conflict if another environment was faster: read the item again. */
  async #replace(
    connection: ConnectionId,
    expected: ConnectionItem | undefined,
    requirements: TokenRequirements,
  ): Promise<Answer | Extract<Replacement, { kind: "conflict" }>> {
    const { clock } = this.#ports;
    const isNeeded = (item: ConnectionItem) =>
      !item.tokenSet || !isSufficient(item.tokenSet, clock.now(), requirements);
    // Another environment may replace the token set as soon as the lease ends, before this one has its last response.
    const readAt = clock.now();
    const outcome = await replace(this.#ports, connection, expected, isNeeded, requirements);
    switch (outcome.kind) {
      case "replaced":
        // A short-lived token may have expired during long retries of the commit.
        if (!isValid(outcome.set, clock.now(), requirements))
          return this.tokenOr(stillReplacing, connection, requirements);
        return this.#serve(connection, outcome.set, outcome.generation, "upstream", readAt);
      case "already_replaced": {
        const { tokenSet, generation } = outcome.item;
        const isUsable = tokenSet && isValid(tokenSet, clock.now(), requirements);
        return isUsable ? this.#serve(connection, tokenSet, generation, "table", readAt) : { kind: "conflict" };
      }
      case "conflict":
        return outcome;
      case "other_names":
        return { kind: "failure", failure: registeredOtherwise };
      case "failed":
        if (outcome.failure.code === "unknown_connection") {
          this.#memory.forget(connection);
          this.#memory.rememberMissing(connection, outcome.failure, readAt);
          return { kind: "failure", failure: outcome.failure };
        }
        return this.tokenOr(outcome.failure, connection, requirements);
    }
  }

  /** Checks that there is a usable registration: `undefined`, or the failure, which is remembered for a short time. */
  async #findRegistration(connection: ConnectionId): Promise<Failure | undefined> {
    const readAt = this.#ports.clock.now();
    const reading = await readRegistration(this.#ports, connection);
    if (reading.kind === "registered") return undefined;
    if (reading.kind === "unavailable") return secretsUnavailable;
    this.#memory.forget(connection);
    const failure = reading.kind === "unknown" ? unknownConnection : connectionNotReady(reading.detail);
    this.#memory.rememberMissing(connection, failure, readAt);
    return failure;
  }

  /** Whether the registration has changed since the failure. One environment checks it once a minute per connection. */
  async #isRegistrationFixed(connection: ConnectionId, rejectedFingerprint: string | undefined): Promise<boolean> {
    const { table, clock } = this.#ports;
    const now = clock.now();
    if (!(await table.claimRegistrationCheck(connection, now, now - registrationCheckInterval))) return false;
    const reading = await readRegistration(this.#ports, connection);
    if (reading.kind === "registered") return reading.registration.credentialFingerprint !== rejectedFingerprint;
    return reading.kind === "unknown";
  }

  /**
   * Polls with eventually consistent reads until the decision is no longer to wait. Each pause is a share of the time waited
   * so far, so that a short replacement is noticed soon and a long one costs few reads.
   */
  async #waitForChange(
    connection: ConnectionId,
    requirements: TokenRequirements,
    giveUpAt: number,
  ): Promise<ConnectionItem | undefined> {
    const { table, clock, random } = this.#ports;
    const startedAt = clock.now();
    let item: ConnectionItem | undefined;
    for (let now = startedAt; now < giveUpAt; now = clock.now()) {
      const pause = Math.min(Math.max(0.1, 0.3 * (now - startedAt)), 1);
      await clock.sleep(Math.min(pause * (0.5 + 0.5 * random()), giveUpAt - now));
      item = await table.read(connection, "eventual");
      if (decide(item, clock.now(), requirements).kind !== "wait") break;
    }
    return item;
  }

  /**
   * Reads the item once more before an error: another environment may just have committed.
   *
   * @throws UnavailableError if the table is unavailable
   */
  async tokenOr(failure: Failure, connection: ConnectionId, requirements: TokenRequirements): Promise<Answer> {
    const { table, clock } = this.#ports;
    const readAt = clock.now();
    const item = await table.read(connection, "strong");
    if (item?.tokenSet && isValid(item.tokenSet, clock.now(), requirements)) {
      return this.#serve(connection, item.tokenSet, item.generation, "table", readAt);
    }
    return { kind: "failure", failure };
  }

  /** The table is unavailable for reads or writes: serves a valid token from the item or from memory, of any age. */
  #withoutTable(
    connection: ConnectionId,
    item: ConnectionItem | undefined,
    requirements: TokenRequirements,
    error: UnavailableError,
  ): Answer {
    this.#ports.notice({ kind: "table_unavailable", connection, reason: error.message });
    const now = this.#ports.clock.now();
    if (item?.tokenSet && isValid(item.tokenSet, now, requirements)) {
      return { kind: "token", set: item.tokenSet, generation: item.generation, source: "table" };
    }
    const entry = this.#memory.get(connection);
    if (entry && requirements.rejectedSha256 === undefined && isValid(entry.set, now, requirements)) {
      return { kind: "token", set: entry.set, generation: entry.generation, source: "memory" };
    }
    return { kind: "failure", failure: tableUnavailable };
  }

  #serve(connection: ConnectionId, set: TokenSet, generation: number, source: Source, readAt: number): Answer {
    this.#memory.remember(connection, { set, generation, readAt });
    return { kind: "token", set, generation, source };
  }
}

const stillReplacing: Failure = {
  code: "upstream_unavailable",
  detail: "A replacement is still running. Retry in 1 s.",
  retryAfter: 1,
};
