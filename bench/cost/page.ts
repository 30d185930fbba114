import { type MetricName, metricOrigins, originsOf } from "@smart-token-broker/auth-core/metrics.ts";
import {
  assumptions,
  bill,
  type Bill,
  callItems,
  callsBill,
  type Item,
  items,
  type PriceName,
  type Prices,
  tracing,
} from "./bill.ts";
import type { Counts } from "./count.ts";
import type { Work } from "./work.ts";

/** The file prices.json. */
export interface PriceList {
  region: string;
  date: string;
  note: string;
  prices: Record<PriceName, { usd: number; unit: string; source: string; from: string }>;
}

/** Bytes that CloudWatch counts for each event besides its text, in the limits of PutLogEvents. */
const eventOverhead = 26;

const row = (...cells: string[]) => `| ${cells.join(" | ")} |`;
const head = (...cells: string[]) => [row(...cells), row(...cells.map(() => "---"))];
const whole = (value: number) => value.toLocaleString("en-US");
const dollars = (value: number) => (value >= 100 ? whole(Math.round(value)) : value.toFixed(2));

export const pricesOf = ({ prices }: PriceList): Prices =>
  Object.fromEntries(Object.entries(prices).map(([name, { usd }]) => [name, usd])) as Prices;

export const bills = (counts: Counts, list: PriceList): Bill[] =>
  [1, 20, 100, 10_000].flatMap((connections) =>
    [0, 1, 100].map((rate) => bill(counts, pricesOf(list), connections, rate)),
  );

const listed = (counts: Record<string, number>) =>
  Object.entries(counts)
    .map(([name, count]) => `${count} ${name}`)
    .join(", ") || "–";

const workRow = (name: string, { table, secrets, upstream, logLines, logBytes }: Work) =>
  row(
    name,
    listed(table),
    listed(secrets),
    String(upstream),
    logLines === 0 ? "–" : `${logLines}: ${whole(logBytes)} B`,
  );

function largest({ dollars: of, total }: Bill): string {
  const [name, value] = items.map((item): [Item, number] => [item, of[item]]).toSorted(([, a], [, b]) => b - a)[0] ?? [
    "",
    0,
  ];
  return `${name}, ${Math.round((100 * value) / total)} %`;
}

/** The generated part of docs/cost.md, between its marks. */
export function costSection(counts: Counts, list: PriceList): string {
  const prices = pricesOf(list);
  const all = bills(counts, list);
  const busy = bill(counts, prices, 1, 100);
  const idle = bill(counts, prices, 1, 0);
  const perConnection = bill(counts, prices, 2, 0).total - idle.total;
  const oauthAlarms = bill({ ...counts, fixed: counts.fixedWithOAuth }, prices, 1, 0).total - idle.total;
  // The OAuth function emits the metrics of the token function, with its own name.
  const oauthMetrics = (counts.memory.metrics.length + counts.table.metrics.length) * prices.metricMonth;
  const { fixed } = counts;
  const emitted = (Object.keys(metricOrigins) as MetricName[]).flatMap((name) => originsOf(name));
  const ofProber = emitted.filter(({ service }) => service === "prober").length;
  const bytes = counts.memory.logBytes + counts.accessLogBytes;
  const coldStarts = 10 * (assumptions.monthHours / 2) * 0.2 * prices.lambdaGbSecond;
  const million = (usd: number) => (usd * 1e6).toFixed(2);
  /** Dollars for these bytes of log, a million times. */
  const cents = (each: number) => ((each / 1e3) * prices.logGb).toFixed(2);
  return [
    "## A month's bill",
    "",
    `Dollars a month in ${list.region}, by the list prices of ${list.date}, without free tiers, without [traces, the OAuth function](#what-dominates) and [calls](#what-calls-add).`,
    "`npm run bench -- cost` counts the operations on the embedded parts, multiplies them by the prices in `bench/cost/prices.json`,",
    "and writes this part of the page.",
    "",
    ...head("connections", "requests/s", ...items, "total", "a million tokens", "largest"),
    ...all.map((each) =>
      row(
        whole(each.connections),
        String(each.rate),
        ...items.map((item) => dollars(each.dollars[item])),
        `**${dollars(each.total)}**`,
        each.perMillion === undefined ? "–" : each.perMillion.toFixed(2),
        largest(each),
      ),
    ),
    "",
    `Of ${busy.perMillion?.toFixed(2)} $ for a million tokens at 100 requests a second and one connection, the gateway takes ${million(prices.httpApiRequest)} $,`,
    `${whole(bytes)} bytes of logs a request ${cents(bytes)} $ and Lambda's price of a request ${million(prices.lambdaRequest)} $. The rest is Lambda's time and what does not depend on requests.`,
    "",
    "## What calls add",
    "",
    "Dollars a month that [calls](calls.md) add, at one caller key; each connection's token is in the bill above.",
    "",
    ...head("calls/s", ...callItems, "total", "a million calls"),
    ...[0, 1, 100]
      .map((rate) => callsBill(counts, prices, rate))
      .map((each) =>
        row(
          String(each.rate),
          ...callItems.map((item) => dollars(each.dollars[item])),
          `**${dollars(each.total)}**`,
          each.perMillion?.toFixed(2) ?? "–",
        ),
      ),
    "",
    `Assumed: the business API answers in ${assumptions.callMs} ms with ${assumptions.callKb} KB, and every caller is outside AWS. Each further 100 ms cost ${million(prices.lambdaGbSecond / 10)} $ a million calls,`,
    `since Lambda bills the wait, and each further ${assumptions.callKb} KB ${(assumptions.callKb * prices.transferGb).toFixed(2)} $. The gateway counts each 512 KB of a request or response as one more.`,
    `The alarm \`unusual-calls\` is ${dollars(3 * prices.alarmMetricMonth)} $ of this, two rules of Contributor Insights ${dollars(2 * prices.insightRuleMonth)} $.`,
    "",
    "## Counted operations",
    "",
    ...head("work", "table", "Secrets Manager", "Smart Services", "log lines"),
    workRow("a token from memory", counts.memory),
    workRow("a token from the table", counts.table),
    workRow("a call, its token from memory", counts.call),
    workRow("the first token of a connection, by a request", counts.upstream),
    workRow("a sweep, nothing due", counts.sweep),
    workRow("a replacement in a sweep", counts.replacement),
    workRow("the daily check of a secret, in addition", counts.dailyCheck),
    "",
    `A line of the access log has ${counts.accessLogBytes} bytes, a token response ${counts.responseBytes} bytes with the simulator's token. The templates have ${fixed.alarmMetrics} metrics of`,
    `alarms, ${fixed.dashboards} dashboard, ${fixed.insightRules} rule of Contributor Insights, ${fixed.keys} KMS keys and ${fixed.sweepSchedules} schedule of the sweep. A test counts all of this again.`,
    "",
    "Assumed, not measured on AWS:",
    "",
    `- An item has ${assumptions.itemKb} KB; tokens live for an hour and are replaced after ${whole(assumptions.replacementSeconds)} s.`,
    `- Lambda bills ${assumptions.requestMs} ms for a request, ${assumptions.sweepMs} ms for a sweep and ${assumptions.replacementMs} ms for each replacement. Each further millisecond of a request costs ${million(prices.lambdaGbSecond / 1000)} $ a million.`,
    `- The connection's id has 4 characters, and the name of the caller's role 6. An id of 14 characters costs ${cents(20)} $ more for a million tokens: it is in both lines.`,
    `- The token function has 1 environment at 1 request a second and ${assumptions.environments(100)} at 100. Requests spread evenly over the connections.`,
    `- A GB of logs has 10⁹ bytes (a million tokens cost ${cents(bytes * (1 - 1e9 / 2 ** 30))} $ less if AWS charges by 2³⁰), is stored for a month, and CloudWatch compresses it to ${100 * assumptions.compressed} %.`,
    `- AWS charges only the text of a log line. For its limits, CloudWatch counts ${eventOverhead} bytes more for each line. If AWS charges those too, a million tokens cost ${cents(2 * eventOverhead)} $ more: we found no page that says so.`,
    `- Cold starts are not in the bill: ten environments that each live for two hours and start in 0.2 s add ${coldStarts.toFixed(2)} $ a month.`,
    "",
    "## What dominates",
    "",
    `- **Few requests**: the alarms' metrics and the custom metrics, ${dollars(idle.dollars["metrics and alarms"])} $ of ${dollars(idle.total)} $ a month. A deployment without callers pays little else.`,
    `- **One service with one connection**: a variable in its process and one secret cost ${prices.secretMonth.toFixed(2)} $ a month, and the broker at least ${dollars(idle.total)} $.`,
    `- **Many connections**: n connections cost ${dollars(idle.total - perConnection)} $ + n × ${dollars(perConnection)} $ a month without requests. ${dollars(prices.secretMonth)} $ of each is its secret. Remove connections that nobody uses.`,
    "- **Many requests**: the gateway, then the logs. Callers should keep a token until shortly before it expires.",
    `- **The OAuth function**, if a caller needs it: ${dollars(oauthAlarms)} $ a month for its alarms, and ${dollars(oauthMetrics)} $ for its metrics if it serves tokens. Its requests [add reads](#with-other-settings).`,
    `- **Errors**: at most ${emitted.length - ofProber + fixed.filteredMetrics} custom metrics in all, of which those of errors appear only with an error. More connections and callers add none.`,
    `- **The prober**, if you turn it on: two alarms and up to ${ofProber} metrics more, and 8,760 invocations of two API requests each.`,
    `- **Traces**, if you turn them on: ${dollars(tracing(prices, 1))} $ a month at one request a second, ${dollars(tracing(prices, 100))} $ at 100.`,
    `- **Data transfer** is not in the bill: a caller outside AWS adds ${((counts.responseBytes / 1e3) * prices.transferGb).toFixed(2)} $ a million responses of ${counts.responseBytes} bytes.`,
    "",
    "## List prices",
    "",
    list.note,
    "",
    ...head("$", "for a", "source"),
    ...Object.values(list.prices).map(({ usd, unit, from }) =>
      row(usd < 0.001 ? `${Number((usd * 1e6).toPrecision(7))} / 10⁶` : String(usd), unit, from),
    ),
  ].join("\n");
}
