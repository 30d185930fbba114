import { parseObject } from "../console/parse-object.ts";

/** A line that the run keeps: the JSON of a function, or `{ event }` of the event bus. */
export interface KeptLine {
  /** Counts from 1 for each run. */
  number: number;
  /** Instant in milliseconds, when the run received it: an event has no time of its own. */
  at: number;
  line: Record<string, unknown>;
}

/** The last lines that the functions printed and the last events, for the command line and the dashboard. */
export class LogRing {
  readonly #lines: KeptLine[] = [];
  readonly #capacity: number;
  readonly #now: () => number;
  #last = 0;

  /** @param now the instant in milliseconds */
  constructor(capacity = 5000, now: () => number = Date.now) {
    this.#capacity = capacity;
    this.#now = now;
  }

  /** Keeps a line if it is a JSON object with a `message` or an `event`. Metrics alone and stack traces are dropped. */
  add(text: string): void {
    const line = parseObject(text);
    if (typeof line?.["message"] !== "string" && line?.["event"] === undefined) return;
    this.#last += 1;
    this.#lines.push({ number: this.#last, at: this.#now(), line });
    if (this.#lines.length > this.#capacity) this.#lines.shift();
  }

  /**
   * The kept lines after a number, oldest first, at most `limit`. `next` is the number to continue with. A number that
   * this run has not reached is of an earlier run: then the lines start at the first one.
   */
  after(number: number, limit = 500): { lines: KeptLine[]; next: number } {
    const from = number > this.#last ? 0 : number;
    const skipped = Math.max(0, from - (this.#lines[0]?.number ?? 1) + 1);
    const lines = this.#lines.slice(skipped, skipped + limit);
    return { lines, next: lines.at(-1)?.number ?? this.#last };
  }
}
