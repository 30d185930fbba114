import { type BrokerError, isOutage, repeated } from "./errors.ts";
import type { Settings } from "./settings.ts";

/** Seconds of the longest pause. The first has one second, and each is twice the one before. */
const longestPause = 60;

/** Seconds of the longest pause in an outage while calls have no token: all fail until the next attempt. */
const shortPause = 10;

/**
 * Pauses requests after a failure, so that an outage costs callers at most one timeout in each pause. After a pause, one
 * request at a time tests whether the other side is back. Instants are those of the client's elapsed clock.
 */
export class Circuit {
  readonly #settings: Settings;
  readonly #counts: (error: BrokerError) => boolean;
  #failure: BrokerError | undefined;
  #failures = 0;
  #pausedUntil = -Infinity;
  /** When the pause of calls without a token ends. In an outage it is shorter. */
  #shortUntil = -Infinity;
  /** Since when a request tests whether the other side is back. A freeze can hide its end. */
  #testingSince = -Infinity;

  /** @param counts whether a failure opens this circuit; another one shows that it may close */
  constructor(settings: Settings, counts: (error: BrokerError) => boolean) {
    this.#settings = settings;
    this.#counts = counts;
  }

  /**
   * The failure that stops a request now, with the seconds until the next attempt; `undefined` if none does.
   *
   * @param lastTryAt of the token that calls have
   */
  blockedBy(lastTryAt = -Infinity): BrokerError | undefined {
    const { now, timeout } = this.#settings;
    const left = Math.min(this.#pausedUntil, Math.max(this.#shortUntil, lastTryAt)) - now();
    if (!this.#failure || (left <= 0 && now() > this.#testingSince + timeout)) return undefined;
    return repeated(this.#failure, left);
  }

  /** Does the request, and learns from its result. A failure that counts is thrown with the seconds of the pause. */
  async run<Result>(request: () => Promise<Result>): Promise<Result> {
    const begunWith = this.#failures;
    const testingSince = this.#failure ? this.#settings.now() : -Infinity;
    if (this.#failure) this.#testingSince = testingSince;
    try {
      const result = await request();
      this.#close(begunWith);
      return result;
    } catch (error) {
      if (this.#counts(error as BrokerError)) throw this.#fail(error as BrokerError, begunWith);
      this.#close(begunWith);
      throw error;
    } finally {
      if (this.#testingSince === testingSince) this.#testingSince = -Infinity;
    }
  }

  #close(begunWith: number): void {
    // A failure since then is newer: its pause stays.
    if (begunWith !== this.#failures) return;
    this.#failure = undefined;
    this.#failures = 0;
  }

  #fail(failure: BrokerError, begunWith: number): BrokerError {
    // The circuit closed since this request began.
    if (begunWith > this.#failures) return failure;
    const { timeout, runtime } = this.#settings;
    const now = this.#settings.now();
    // Requests that began before the last failure belong to the same pause: many at once count as one failure.
    if (begunWith === this.#failures) {
      const pause = Math.min(longestPause, 2 ** this.#failures);
      this.#failures += 1;
      const spread = 1 - runtime.random() / 2;
      this.#pausedUntil = now + pause * spread;
      // If the other side is silent, calls wait for the timeout in each test: the pause may be as long.
      const short = failure.code === "timeout" ? Math.max(shortPause, timeout) : shortPause;
      this.#shortUntil = now + Math.min(pause, short) * spread;
    }
    this.#failure = failure;
    this.#pausedUntil = Math.max(this.#pausedUntil, now + (failure.retryAfter ?? 0));
    if (!isOutage(failure)) this.#shortUntil = this.#pausedUntil;
    return repeated(failure, this.#shortUntil - now);
  }
}
