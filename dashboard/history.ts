import type { DashboardEvent, FailedAttempt, Past, TokenBar } from "./contract.ts";
import { eventOf, grantOf } from "./event.ts";
import { type LogLine, numberField, textField } from "./log-line.ts";

/** Seconds that the past of a connection is kept. */
export const keptSeconds = 2 * 3600;

const eventsKept = 100;
/** Per connection. Two hours of tokens that last a minute have more, and a lane cannot show them. */
const kept = 300;

/** The past of the connections and the latest notices, from lines of the log in the order of time. */
export class History {
  readonly #pasts = new Map<string, Past>();
  readonly #events: DashboardEvent[] = [];

  /** Takes a line. Ignores what it does not know. */
  add(line: LogLine): void {
    const event = eventOf(line);
    if (event) {
      this.#events.unshift(event);
      this.#events.length = Math.min(this.#events.length, eventsKept);
    }
    const connection = textField(line, "connection");
    if (connection === undefined) return;
    if (line.message === "replaced") this.#addToken(connection, line);
    if (line.message === "replacement_failed") {
      const attempt: FailedAttempt = { at: line.at, code: textField(line, "code") ?? "unknown" };
      push(this.#pastOf(connection).attempts, attempt, line.at, ({ at }) => at);
    }
  }

  /** What is known of a connection's past; `undefined`: nothing. */
  past(connection: string): Past | undefined {
    return this.#pasts.get(connection);
  }

  /** Newest first. */
  get events(): readonly DashboardEvent[] {
    return this.#events;
  }

  #pastOf(connection: string): Past {
    const past = this.#pasts.get(connection) ?? { tokens: [], attempts: [] };
    this.#pasts.set(connection, past);
    return past;
  }

  #addToken(connection: string, line: LogLine): void {
    const generation = numberField(line, "generation");
    const remaining = numberField(line, "remainingSeconds");
    if (generation === undefined || remaining === undefined) return;
    const { tokens } = this.#pastOf(connection);
    const known = tokens.at(-1);
    const token: TokenBar = {
      generation,
      from: line.at,
      until: line.at + remaining,
      by: grantOf(line),
    };
    // Smart Services can return the same token again: it stays one bar.
    if (known?.generation === generation) known.until = token.until;
    else push(tokens, token, line.at, ({ until }) => until);
  }
}

/** Adds an entry, and drops those that ended before the kept time. */
function push<Entry>(entries: Entry[], entry: Entry, now: number, endOf: (of: Entry) => number): void {
  entries.push(entry);
  while (entries.length > kept || (entries[0] && endOf(entries[0]) < now - keptSeconds)) entries.shift();
}
