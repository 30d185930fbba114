import type { Runtime } from "../runtime.ts";

/** A new task of the event loop: all work that needs no time is done before it. */
const turn = () => new Promise<void>((resolve) => setTimeout(resolve, 0));

/** Time that stands still until a test moves it. Durations are seconds. */
export class SteppedTime {
  #monotonic = 0;
  #wall: number;
  #timers: { at: number; fire: () => void }[] = [];
  /** Digests are computed outside the event loop: time waits for them. */
  #digests = 0;

  /** @param start the wall clock at the start, in epoch seconds */
  constructor(start = 1_800_000_000) {
    this.#wall = start;
  }

  /** Seconds that the monotonic clock has moved. */
  get elapsed(): number {
    return this.#monotonic;
  }

  /** A runtime with this time. */
  runtime(system: Runtime, more: Pick<Runtime, "fetch" | "random">): Runtime {
    return {
      ...more,
      wall: () => this.#wall,
      monotonic: () => this.#monotonic,
      timeout: (seconds) => {
        const controller = new AbortController();
        void this.sleep(seconds).then(() => controller.abort(new DOMException("The time is over.", "TimeoutError")));
        return controller.signal;
      },
      sha256: (text) => {
        this.#digests += 1;
        return system.sha256(text).finally(() => (this.#digests -= 1));
      },
    };
  }

  /** Resolves after this many seconds of the monotonic clock. */
  sleep(seconds: number): Promise<void> {
    return new Promise((fire) => this.#timers.push({ at: this.#monotonic + seconds, fire }));
  }

  /** Moves both clocks on. Timers fire at their instants, and what they cause happens before time goes on. */
  async advance(seconds: number): Promise<void> {
    const end = this.#monotonic + seconds;
    await this.#quiet();
    while (this.#fireNext(end)) await this.#quiet();
    this.#stepTo(end);
  }

  /** Moves the wall clock alone: it was set, or the process was frozen meanwhile. */
  moveWall(seconds: number): void {
    this.#wall += seconds;
  }

  /** Moves both clocks from one timer to the next until some work has settled. The seconds that it took. */
  async passUntil(work: Promise<unknown>): Promise<number> {
    const begunAt = this.#monotonic;
    const state = { isSettled: false };
    const settle = () => void (state.isSettled = true);
    work.then(settle, settle);
    await this.#quiet();
    while (!state.isSettled) {
      if (!this.#fireNext(Infinity)) throw new Error("The work waits for something that never happens.");
      await this.#quiet();
    }
    return this.#monotonic - begunAt;
  }

  /** Fires the next timers that are due by an instant: all of the same instant. False if there are none. */
  #fireNext(until: number): boolean {
    const next = this.#timers.reduce((first, { at }) => Math.min(first, at), Infinity);
    if (next > until || next === Infinity) return false;
    const due = this.#timers.filter(({ at }) => at === next);
    this.#timers = this.#timers.filter(({ at }) => at !== next);
    this.#stepTo(next);
    for (const { fire } of due) fire();
    return true;
  }

  #stepTo(instant: number): void {
    this.#wall += instant - this.#monotonic;
    this.#monotonic = instant;
  }

  async #quiet(): Promise<void> {
    for (let turns = 0; turns < 3 || this.#digests > 0; turns += 1) await turn();
  }
}
