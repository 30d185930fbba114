/** What the log and the metrics say of a call. No path, no query, no body, no header. */
export interface CallLine {
  connection?: string;
  method: string;
  /** The rule's pattern, never the path. */
  rule?: string;
  status?: number;
  /** `ok`, `api_4xx`, `api_5xx`, `caller_gone`, `stopped` after `drain` seconds, or the code of the failure. */
  code: string;
  /** Why, if the broker gave no token. */
  detail?: string;
  apiStatus?: number;
  requestBytes: number;
  responseBytes: number;
  tokenMs?: number;
  /** Until the API began its answer. */
  apiMs?: number;
  durationMs?: number;
  /** How many further calls of this second the line stands for. */
  repeated?: number;
}

/** Lines with the same connection and code that are written within a second. */
const maxEqual = 10;

/** Writes lines of calls without an answer of the API. Of equal ones, it writes ten in a second, and the number of the others. */
export class UnansweredCalls {
  readonly #log: (line: CallLine) => void;
  readonly #inASecond: (work: () => void) => void;
  #counts = new Map<string, { line: CallLine; count: number }>();

  constructor(log: (line: CallLine) => void, inASecond: (work: () => void) => void) {
    this.#log = log;
    this.#inASecond = inASecond;
  }

  add(line: CallLine): void {
    if (this.#counts.size === 0) this.#inASecond(() => this.flush());
    const key = `${line.connection} ${line.code}`;
    const count = (this.#counts.get(key)?.count ?? 0) + 1;
    this.#counts.set(key, { line, count });
    if (count <= maxEqual) this.#log(line);
  }

  flush(): void {
    const ended = this.#counts;
    this.#counts = new Map();
    for (const { line, count } of ended.values()) {
      if (count > maxEqual) this.#log({ ...line, repeated: count - maxEqual });
    }
  }
}

/** Writes a line of the log. */
export type Log = (level: "INFO" | "WARN" | "ERROR", message: string, fields: object) => void;

/** Lines of JSON, in the form of the broker's log. */
export function logTo(write: (text: string) => void): Log {
  return (level, message, fields) =>
    write(`${JSON.stringify({ level, message, timestamp: new Date(), service: "proxy", ...fields })}\n`);
}

/** Counters, in Prometheus' text form. */
export class Metrics {
  readonly #calls = new Map<string, { count: number; seconds: number }>();
  readonly #tokens = new Map<string, number>();

  call(connection: string, code: string, seconds: number): void {
    const labels = `connection="${connection}",code="${code}"`;
    const counted = this.#calls.get(labels);
    if (!counted) this.#calls.set(labels, { count: 1, seconds });
    else {
      counted.count += 1;
      counted.seconds += seconds;
    }
  }

  tokenRequest(connection: string, code: string): void {
    const labels = `connection="${connection}",code="${code}"`;
    this.#tokens.set(labels, (this.#tokens.get(labels) ?? 0) + 1);
  }

  /** @param secondsLeft of the token of each connection */
  text(openCalls: number, secondsLeft: ReadonlyMap<string, number>): string {
    const calls = [...this.#calls];
    return [
      family("call_seconds", "summary", "Calls by connection and code, and how long they took.", [
        ...calls.map(([labels, { seconds }]) => [`_sum{${labels}}`, seconds] as const),
        ...calls.map(([labels, { count }]) => [`_count{${labels}}`, count] as const),
      ]),
      family("open_calls", "gauge", "Calls that have begun and not ended.", [["", openCalls]]),
      family(
        "token_requests_total",
        "counter",
        "Requests to the broker by connection and code.",
        [...this.#tokens].map(([labels, count]) => [`{${labels}}`, count]),
      ),
      family(
        "token_seconds_left",
        "gauge",
        "Seconds until the token of a connection expires.",
        [...secondsLeft].map(([connection, left]) => [`{connection="${connection}"}`, left]),
      ),
    ].join("");
  }
}

function family(name: string, type: string, help: string, samples: (readonly [string, number])[]): string {
  const full = `smart_services_proxy_${name}`;
  const lines = samples.map(([labels, value]) => `${full}${labels} ${value}\n`);
  return `# HELP ${full} ${help}\n# TYPE ${full} ${type}\n${lines.join("")}`;
}
