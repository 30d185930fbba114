import {
  failureCatalogue,
  isFailureCode,
  needsOperator,
} from "@smart-token-broker/auth-core/rules/failure-catalogue.ts";
import type { Traffic, TrafficStep } from "./contract.ts";
import { type LogLine, textField } from "./log-line.ts";
import { keptSeconds } from "./history.ts";

/** Steps of a chart: about this many. */
const chartSteps = 40;
const bucketSeconds = 5;

interface Bucket {
  /** Epoch seconds. */
  start: number;
  step: TrafficStep;
  errors: Record<string, number>;
}

export const emptyStep = (): TrafficStep => ({
  memory: 0,
  table: 0,
  upstream: 0,
  api: 0,
  failed: 0,
  refused: 0,
  missed: 0,
  calls: 0,
  callsFailed: 0,
});

/** Counts the requests and the calls to Smart Services in the lines of the log, for two hours. */
export class TrafficCounter {
  readonly #buckets: Bucket[] = [];

  /** Takes a line, in the order of time. */
  add(line: LogLine): void {
    if (line.message === "upstream_called") {
      const { step } = this.#bucketAt(line.at);
      step.calls += 1;
      if (textField(line, "outcome") !== "tokens") step.callsFailed += 1;
    }
    if (line.message !== "request" || !isCallersRequest(line)) return;
    const code = textField(line, "code") ?? "ok";
    const { step, errors } = this.#bucketAt(line.at);
    const source = textField(line, "source");
    if (code !== "ok") errors[code] = (errors[code] ?? 0) + 1;
    if (source === "api") step.api += 1;
    else if (code !== "ok") step[isCallersFault(code) ? "refused" : "failed"] += 1;
    else if (source === "memory" || source === "table" || source === "upstream") step[source] += 1;
    if (code === "ok" && line.fields["validity"] !== undefined) step.missed += 1;
  }

  /** @param range seconds back from `now` */
  traffic(now: number, range: number): Traffic {
    const stepSeconds = Math.max(bucketSeconds, Math.ceil(range / chartSteps / bucketSeconds) * bucketSeconds);
    const count = Math.ceil(range / stepSeconds);
    const end = Math.ceil(now / stepSeconds) * stepSeconds;
    const steps = Array.from({ length: count }, emptyStep);
    const errors: Record<string, number> = {};
    for (const bucket of this.#buckets) {
      const step = steps[Math.floor((bucket.start - (end - count * stepSeconds)) / stepSeconds)];
      if (!step) continue;
      for (const name of Object.keys(step) as (keyof TrafficStep)[]) step[name] += bucket.step[name];
      for (const [code, times] of Object.entries(bucket.errors)) errors[code] = (errors[code] ?? 0) + times;
    }
    const lastMinute = this.#buckets.filter(({ start }) => start > now - 60);
    const requests = lastMinute.reduce((sum, { step }) => sum + requestsOf(step), 0);
    return { end, stepSeconds, steps, requestsPerSecond: requests / 60, errors };
  }

  #bucketAt(at: number): Bucket {
    const start = Math.floor(at / bucketSeconds) * bucketSeconds;
    const last = this.#buckets.at(-1);
    // Lines of several functions can arrive in another order: they count as the latest.
    if (last && last.start >= start) return last;
    const bucket = { start, step: emptyStep(), errors: {} };
    this.#buckets.push(bucket);
    while (this.#buckets[0] && this.#buckets[0].start < start - keptSeconds) this.#buckets.shift();
    return bucket;
  }
}

export const requestsOf = ({ memory, table, upstream, api, failed, refused }: TrafficStep) =>
  memory + table + upstream + api + failed + refused;

/** Whether the request or the business API is wrong, and not the broker. OAuth's own codes are about the request too. */
export function isCallersFault(code: string): boolean {
  if (!isFailureCode(code)) return true;
  return failureCatalogue[code].status < 500 && !needsOperator(code);
}

/** Not a request for the status. */
export function isCallersRequest(line: LogLine): boolean {
  return ["token", "oauth", "calls"].includes(textField(line, "service") ?? "");
}
