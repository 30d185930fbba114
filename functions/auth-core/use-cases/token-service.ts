import type { ConnectionId } from "../rules/connection-id.ts";
import type { ConnectionItem } from "../rules/connection-item.ts";
import { decide, registrationCheckInterval, storedFailure } from "../rules/decision.ts";
import { type Failure, UnavailableError } from "../rules/failure.ts";
import { isSufficient, isValid, type TokenSet, type TokenRequirements } from "../rules/token-set.ts";
import { isRecent, Memory } from "./memory.ts";
import type { Ports } from "./ports.ts";
import { readRegistration, replace, unavailableSecrets } from "./replace.ts";
import { unknownConnection } from "./store-outcome.ts";

/** Where an answer came from. */
export type Source = "memory" | "table" | "upstream";

export type Answer =
  | { kind: "token"; set: TokenSet; generation: number; source: Source }
  | { kind: "failure"; failure: Failure };

/** Seconds that a caller without a valid token waits for someone else's replacement. */
const maxWaitSeconds = 8;

/**
 * Hands out access tokens that are valid now: memory, then table, then one replacement.
 *
 * One instance is one environment's memory. Requests of one process for one connection share one flight.
 */
export class TokenService {
  readonly #ports: Ports;
  readonly #memory = new Memory();
  readonly #flights = new Map<string, { answer: Promise<Answer>; minTtl: number }>();

  constructor(ports: Ports) {
    this.#ports = ports;
  }

  /** A token that is good enough for `want`, or else the best that is valid, or else why there is none. */
  async get(connection: ConnectionId, requirements: TokenRequirements): Promise<Answer> {
    const flightKey = `${connection} ${requirements.rejectedSha256 ?? ""}`;
    for (;;) {
      // Whoever saw a token rejected is never answered from memory: it may hold that very token.
      const held = requirements.rejectedSha256 === undefined ? this.#fromMemory(connection, requirements) : undefined;
      if (held) return held;
      const flight = this.#flights.get(flightKey);
      if (!flight) break;
      const answer = await flight.answer;
      // A flight that asked for as much did what can be done: a crowd must not try again one after the other.
      const isAnswer = answer.kind === "failure" || requirements.minTtl <= flight.minTtl;
      if (isAnswer || isSufficient(answer.set, this.#ports.clock.now(), requirements)) return answer;
    }
    const answer = this.#obtain(connection, requirements).finally(() => this.#flights.delete(flightKey));
    this.#flights.set(flightKey, { answer, minTtl: requirements.minTtl });
    return answer;
  }

  #fromMemory(connection: ConnectionId, requirements: TokenRequirements): Answer | undefined {
    const now = this.#ports.clock.now();
    const held = this.#memory.get(connection);
    if (!held || !isRecent(held, now) || !isSufficient(held.set, now, requirements)) return undefined;
    return { kind: "token", set: held.set, generation: held.generation, source: "memory" };
  }

  /** Reads the item and does what it asks for, until there is an answer. Every error follows a consistent read. */
  async #obtain(connection: ConnectionId, requirements: TokenRequirements): Promise<Answer> {
    const { table, clock } = this.#ports;
    const giveUpAt = clock.now() + maxWaitSeconds;
    let item: ConnectionItem | undefined;
    let waitedSince: ConnectionItem | undefined;
    try {
      for (;;) {
        const readAt = clock.now();
        item = await table.read(connection, "strong");
        let decision = decide(item, clock.now(), requirements);
        if (decision.kind === "recheck_registration") {
          // Someone else may have committed during the look; the next read says so, and that the look was taken.
          if (!(await this.#isRegistrationFixed(connection, decision.rejectedFingerprint))) continue;
          decision = { kind: "replace" };
        } else if (waitedSince && item && decision.kind === "replace" && item.failures > waitedSince.failures) {
          // Whoever waited for an attempt that failed takes its failure, instead of being the next to try.
          decision = { kind: "fail", failure: storedFailure(item, clock.now()) };
        }
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
            const remembered = this.#memory.missing(connection, clock.now());
            if (remembered) return { kind: "failure", failure: remembered };
            const failure = await this.#findRegistration(connection);
            if (failure) return await this.#tokenOr(failure, connection, requirements);
            break;
          }
          case "replace":
        }
        const answer = await this.#replace(connection, item, requirements);
        if (answer) return answer;
        if (clock.now() >= giveUpAt) return await this.#tokenOr(stillReplacing, connection, requirements);
      }
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error;
      return this.#withoutTable(connection, item, requirements, error);
    }
  }

  /** One replacement. `undefined` where another was faster: read again. */
  async #replace(
    connection: ConnectionId,
    expected: ConnectionItem | undefined,
    requirements: TokenRequirements,
  ): Promise<Answer | undefined> {
    const { clock } = this.#ports;
    const isNeeded = (item: ConnectionItem) =>
      !item.tokenSet || !isSufficient(item.tokenSet, clock.now(), requirements);
    const readAt = clock.now();
    const outcome = await replace(this.#ports, connection, expected, isNeeded, requirements);
    switch (outcome.kind) {
      case "replaced":
        // A commit that was retried for long can outlive a short token.
        if (!isValid(outcome.set, clock.now(), requirements))
          return this.#tokenOr(stillReplacing, connection, requirements);
        return this.#serve(connection, outcome.set, outcome.generation, "upstream", clock.now());
      case "already_replaced": {
        const { tokenSet, generation } = outcome.item;
        const isTheirs = tokenSet && isValid(tokenSet, clock.now(), requirements);
        return isTheirs ? this.#serve(connection, tokenSet, generation, "table", readAt) : undefined;
      }
      case "conflict":
        return undefined;
      case "failed":
        if (outcome.failure.code === "unknown_connection") {
          this.#memory.forget(connection);
          this.#memory.rememberMissing(connection, outcome.failure, clock.now());
          return { kind: "failure", failure: outcome.failure };
        }
        return this.#tokenOr(outcome.failure, connection, requirements);
    }
  }

  /** Why there is no usable registration, or `undefined` where there is one. Remembers the bad news for a moment. */
  async #findRegistration(connection: ConnectionId): Promise<Failure | undefined> {
    const reading = await readRegistration(this.#ports, connection);
    if (reading.kind === "registered") return undefined;
    if (reading.kind === "unavailable") return unavailableSecrets;
    if (reading.kind === "unknown") this.#memory.forget(connection);
    const failure: Failure =
      reading.kind === "unknown" ? unknownConnection : { code: "connection_not_ready", detail: reading.detail };
    this.#memory.rememberMissing(connection, failure, this.#ports.clock.now());
    return failure;
  }

  /** Whether the registration has changed since it was refused; asked once a minute per connection, by one environment. */
  async #isRegistrationFixed(connection: ConnectionId, rejectedFingerprint: string | undefined): Promise<boolean> {
    const { table, clock } = this.#ports;
    const now = clock.now();
    if (!(await table.claimRegistrationCheck(connection, now, now - registrationCheckInterval))) return false;
    const reading = await readRegistration(this.#ports, connection);
    if (reading.kind === "registered") return reading.registration.credentialFingerprint !== rejectedFingerprint;
    return reading.kind === "unknown";
  }

  /** Polls with eventually consistent reads until there is something else to do than to wait. Decides nothing. */
  async #waitForChange(
    connection: ConnectionId,
    requirements: TokenRequirements,
    giveUpAt: number,
  ): Promise<ConnectionItem | undefined> {
    const { table, clock, random } = this.#ports;
    let item: ConnectionItem | undefined;
    for (let pause = 0.1; clock.now() < giveUpAt; pause = Math.min(pause * 1.6, 1)) {
      await clock.sleep(Math.min(pause * (0.5 + 0.5 * random()), giveUpAt - clock.now()));
      item = await table.read(connection, "eventual");
      if (decide(item, clock.now(), requirements).kind !== "wait") break;
    }
    return item;
  }

  /** The last look before an error: someone else may just have committed. */
  async #tokenOr(failure: Failure, connection: ConnectionId, requirements: TokenRequirements): Promise<Answer> {
    const { table, clock } = this.#ports;
    const readAt = clock.now();
    const item = await table.read(connection, "strong");
    if (item?.tokenSet && isValid(item.tokenSet, clock.now(), requirements)) {
      return this.#serve(connection, item.tokenSet, item.generation, "table", readAt);
    }
    return { kind: "failure", failure };
  }

  /** The table does not answer, or takes no writes: a token that is known and still valid is the answer, at any age. */
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
    const held = this.#memory.get(connection);
    if (held && requirements.rejectedSha256 === undefined && isValid(held.set, now)) {
      return { kind: "token", set: held.set, generation: held.generation, source: "memory" };
    }
    const detail = "the broker's table does not answer";
    return { kind: "failure", failure: { code: "unavailable", detail, retryAfter: 1 } };
  }

  #serve(connection: ConnectionId, set: TokenSet, generation: number, source: Source, readAt: number): Answer {
    this.#memory.remember(connection, { set, generation, readAt });
    return { kind: "token", set, generation, source };
  }
}

const stillReplacing: Failure = {
  code: "upstream_unavailable",
  detail: "a token is being fetched and is not there yet",
  retryAfter: 1,
};
