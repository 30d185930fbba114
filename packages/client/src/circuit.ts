import { type BrokerError, repeated } from "./errors.ts";

/** Seconds of the first pause after a failure, and of the longest. Each is twice the one before. */
const firstPause = 1;
const longestPause = 60;

/**
 * Pauses requests after a failure, so that an outage costs callers at most one timeout in each pause. After a pause, one
 * request at a time tests whether the other side is back. Instants are those of the client's elapsed clock.
 */
export class Circuit {
  readonly #now: () => number;
  readonly #random: () => number;
  readonly #counts: (error: BrokerError) => boolean;
  #failure: BrokerError | undefined;
  #failures = 0;
  #pausedUntil = -Infinity;
  readonly #longestTest: number;
  /** Since when a request tests whether the other side is back. A freeze can hide its end. */
  #testingSince = -Infinity;

  /**
   * @param of.longestTest seconds until another request may test
   * @param of.counts whether a failure opens this circuit; another one shows that it may close
   */
  constructor(of: {
    now: () => number;
    random: () => number;
    longestTest: number;
    counts: (error: BrokerError) => boolean;
  }) {
    this.#now = of.now;
    this.#random = of.random;
    this.#longestTest = of.longestTest;
    this.#counts = of.counts;
  }

  /** The failure that stops a request now, with the seconds until the next attempt; `undefined` if none does. */
  blockedBy(): BrokerError | undefined {
    const now = this.#now();
    const left = this.#pausedUntil - now;
    if (!this.#failure || (left <= 0 && now > this.#testingSince + this.#longestTest)) return undefined;
    return repeated(this.#failure, Math.max(1, Math.ceil(left)));
  }

  /** Does the request, and learns from its result. A failure that counts is thrown with the seconds of the pause. */
  async run<Result>(request: () => Promise<Result>): Promise<Result> {
    const begunWith = this.#failures;
    const testingSince = this.#failure ? this.#now() : -Infinity;
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
    const now = this.#now();
    // Requests that began before the last failure belong to the same pause: many at once count as one failure.
    if (begunWith === this.#failures) {
      this.#failures += 1;
      const pause = Math.min(longestPause, firstPause * 2 ** (this.#failures - 1));
      this.#pausedUntil = now + pause * (1 - this.#random() / 2);
    }
    this.#failure = failure;
    this.#pausedUntil = Math.max(this.#pausedUntil, now + (failure.retryAfter ?? 0));
    return repeated(failure, Math.max(1, Math.ceil(this.#pausedUntil - now)));
  }
}
