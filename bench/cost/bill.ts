import type { Counts } from "./count.ts";
import type { Work } from "./work.ts";

export type PriceName =
  | "httpApiRequest"
  | "httpApiRequestOver"
  | "lambdaRequest"
  | "lambdaGbSecond"
  | "logGb"
  | "logGbMonth"
  | "metricMonth"
  | "alarmMetricMonth"
  | "readRequestUnit"
  | "writeRequestUnit"
  | "secretMonth"
  | "secretCall"
  | "transferGb"
  | "dashboardMonth"
  | "insightRuleMonth"
  | "insightMatch"
  | "traceRecorded"
  | "keyMonth"
  | "keyCall"
  | "scheduleRun";

/** Dollars of each unit. */
export type Prices = Record<PriceName, number>;

/** What the bill assumes and nobody has measured on AWS. */
export const assumptions = {
  /** Hours of a month, as AWS counts. */
  monthHours: 730,
  /** KB of an item: two tokens of 1.5 KB and the rest. */
  itemKb: 4,
  /** Seconds between two replacements of a token that lives for an hour. */
  replacementSeconds: 1830,
  /** Billed milliseconds of a request, and of a sweep without and per replacement, at 1 GB. */
  requestMs: 2,
  sweepMs: 100,
  replacementMs: 50,
  /** Milliseconds in which the business API answers a call, and KB of its response. Lambda bills the wait. */
  callMs: 100,
  callKb: 10,
  /** Environments of the token function at 1 and at 100 requests a second. Each reads an item at most once a minute. */
  environments: (rate: number) => Math.max(1, rate / 10),
  /** Share of a log that is left after CloudWatch's compression. */
  compressed: 0.15,
};

export const items = ["gateway", "Lambda", "logs", "metrics and alarms", "table", "secrets and keys"] as const;
export type Item = (typeof items)[number];

export interface Bill {
  connections: number;
  /** Requests a second. */
  rate: number;
  /** Dollars a month. */
  dollars: Record<Item, number>;
  total: number;
  /** Dollars for a million tokens, everything included. `undefined` without requests. */
  perMillion?: number;
}

/** The bill of a month: the counted work times the prices, without free tiers. Pure. */
export function bill(counts: Counts, prices: Prices, connections: number, rate: number): Bill {
  const { monthHours, itemKb, replacementSeconds, requestMs, sweepMs, replacementMs, environments, compressed } =
    assumptions;
  const minutes = monthHours * 60;
  const requests = rate * minutes * 60;
  const fromTable = Math.min(requests, minutes * environments(rate) * connections);
  const sweeps = minutes * counts.fixed.sweepSchedules;
  const replacements = (connections * minutes * 60) / replacementSeconds;
  const dailyChecks = (connections * monthHours) / 24;
  const done: [times: number, work: Work][] = [
    [requests - fromTable, counts.memory],
    [fromTable, counts.table],
    [sweeps, counts.sweep],
    [replacements, counts.replacement],
    [dailyChecks, counts.dailyCheck],
  ];
  const sum = (of: (work: Work) => number) => done.reduce((total, [times, work]) => total + times * of(work), 0);
  const operations = (name: string) => sum(({ table }) => table[name] ?? 0);
  const secretCalls = sum(({ secrets }) => Object.values(secrets).reduce((total, count) => total + count, 0));
  const decrypts = sum(({ secrets }) => secrets["GetSecretValue"] ?? 0);
  const gigabytes = (sum(({ logBytes }) => logBytes) + requests * counts.accessLogBytes) / 1e9;
  const emitting = done.filter(([times]) => times > 0).map(([, work]) => work);
  const metrics = new Set(emitting.flatMap((work) => work.metrics)).size;
  const seconds = (requests * requestMs + sweeps * sweepMs + replacements * replacementMs) / 1000;
  const tier = 300e6;
  const { fixed } = counts;

  const dollars: Record<Item, number> = {
    gateway:
      Math.min(requests, tier) * prices.httpApiRequest + Math.max(0, requests - tier) * prices.httpApiRequestOver,
    Lambda: (requests + sweeps) * prices.lambdaRequest + seconds * prices.lambdaGbSecond + sweeps * prices.scheduleRun,
    logs:
      gigabytes * (prices.logGb + compressed * prices.logGbMonth) +
      fixed.insightRules * (prices.insightRuleMonth + requests * prices.insightMatch),
    "metrics and alarms":
      metrics * prices.metricMonth +
      fixed.alarmMetrics * prices.alarmMetricMonth +
      fixed.dashboards * prices.dashboardMonth,
    table:
      (operations("GetItem") * Math.ceil(itemKb / 4) + operations("Query") / 2) * prices.readRequestUnit +
      (operations("UpdateItem") * itemKb + operations("index writes")) * prices.writeRequestUnit,
    "secrets and keys":
      connections * prices.secretMonth +
      secretCalls * prices.secretCall +
      fixed.keys * prices.keyMonth +
      decrypts * prices.keyCall,
  };
  const total = Object.values(dollars).reduce((all, each) => all + each, 0);
  return { connections, rate, dollars, total, ...(requests > 0 && { perMillion: (total / requests) * 1e6 }) };
}

export const callItems = ["gateway", "Lambda", "logs", "metrics and alarms", "table", "transfer"] as const;

/** What calls add to the bill of a month, without free tiers. Their tokens are in the other bill. Pure. */
export function callsBill(counts: Counts, prices: Prices, rate: number) {
  const { monthHours, callMs, callKb, environments, compressed } = assumptions;
  const minutes = monthHours * 60;
  const calls = rate * minutes * 60;
  const { call, callAccessLogBytes, fixed, fixedWithCalls } = counts;
  const gigabytes = (calls * (call.logBytes + callAccessLogBytes)) / 1e9;
  const rules = fixedWithCalls.insightRules - fixed.insightRules;
  const dollars: Record<(typeof callItems)[number], number> = {
    gateway: calls * prices.httpApiRequest,
    Lambda: calls * (prices.lambdaRequest + (callMs / 1000) * prices.lambdaGbSecond),
    logs:
      gigabytes * (prices.logGb + compressed * prices.logGbMonth) +
      rules * prices.insightRuleMonth +
      calls * prices.insightMatch,
    "metrics and alarms":
      (rate > 0 ? call.metrics.length * prices.metricMonth : 0) +
      (fixedWithCalls.alarmMetrics - fixed.alarmMetrics) * prices.alarmMetricMonth,
    // An environment reads the item once a minute and, half a read unit each, what is revoked twice.
    table: rate > 0 ? 2 * environments(rate) * minutes * prices.readRequestUnit : 0,
    transfer: calls * (callKb / 1e6) * prices.transferGb,
  };
  const total = Object.values(dollars).reduce((all, each) => all + each, 0);
  return { rate, dollars, total, ...(calls > 0 && { perMillion: (total / calls) * 1e6 }) };
}

/** Dollars a month for X-Ray's traces of the token function: it samples one request a second, and 5 % of the rest. */
export function tracing(prices: Prices, rate: number): number {
  const traces = Math.min(rate, 1) + 0.05 * Math.max(0, rate - 1);
  return traces * assumptions.monthHours * 3600 * prices.traceRecorded;
}
