import type { RequestCounts } from "./contract.ts";
import { type LogLine, textField } from "./log-line.ts";
import { isCallersRequest } from "./traffic.ts";

const keptMinutes = 60;
const minuteOf = (at: number) => Math.floor(at / 60);

/** Counts the requests of each connection in the lines of the log, for an hour. */
export class ConnectionRequests {
  /** Oldest first. By minute, so that ids that nobody requests any more are forgotten. */
  readonly #minutes: { minute: number; of: Map<string, RequestCounts> }[] = [];

  /** Takes a line, in the order of time. */
  add(line: LogLine): void {
    const connection = textField(line, "connection");
    if (line.message !== "request" || connection === undefined || !isCallersRequest(line)) return;
    const counts = this.#minuteAt(line.at);
    const known = counts.get(connection) ?? none();
    counts.set(connection, known);
    const source = textField(line, "source");
    const counted = source === "api" || (textField(line, "code") ?? "ok") === "ok" ? source : "errors";
    if (counted !== undefined && Object.hasOwn(known, counted)) known[counted as keyof RequestCounts] += 1;
  }

  /** The requests of the last hour. */
  lastHour(connection: string, now: number): RequestCounts {
    const total = none();
    for (const { minute, of } of this.#minutes) {
      const counts = minute > minuteOf(now) - keptMinutes ? of.get(connection) : undefined;
      if (!counts) continue;
      for (const name of Object.keys(total) as (keyof RequestCounts)[]) total[name] += counts[name];
    }
    return total;
  }

  #minuteAt(at: number): Map<string, RequestCounts> {
    const minute = minuteOf(at);
    const last = this.#minutes.at(-1);
    // Lines of several functions can arrive in another order: they count as the latest.
    if (last && last.minute >= minute) return last.of;
    const of = new Map<string, RequestCounts>();
    this.#minutes.push({ minute, of });
    while (this.#minutes[0] && this.#minutes[0].minute <= minute - keptMinutes) this.#minutes.shift();
    return of;
  }
}

const none = (): RequestCounts => ({ memory: 0, table: 0, upstream: 0, api: 0, errors: 0 });
