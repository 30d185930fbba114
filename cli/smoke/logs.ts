import { CloudWatchLogsClient, paginateFilterLogEvents } from "@aws-sdk/client-cloudwatch-logs";
import { originsOf } from "@smart-token-broker/auth-core/metrics.ts";
import { metricNamespace } from "@smart-token-broker/auth-core/rules/settings.ts";
import { type Deployment, patience } from "../deployment/deployment.ts";
import { asExpected, type Check, unknown } from "./check.ts";
import { functionOf, sumsOfDay } from "./function-metrics.ts";

/** Checks of what CloudWatch makes of the token function's log lines. */
export const logChecks: Check[] = [
  {
    question: "How long does the token function initialise? (initMs of the last 7 days)",
    expected: "less than 250 ms in the median",
    observe: async ({ deployment }) => {
      const durations = await initDurations(deployment);
      const median = durations[Math.floor(durations.length / 2)];
      if (median === undefined) return unknown("no cold start in 7 days");
      return asExpected(median < 250, `median ${median} ms, longest ${durations.at(-1)} ms, of ${durations.length}`);
    },
  },
  {
    question: "How many bytes does the token function log per request? (docs/cost.md, last day)",
    expected: "about 650: its own line, and none of Lambda's",
    observe: async ({ deployment }) => {
      const { function: FunctionName, logGroup: LogGroupName } = await functionOf(deployment, "api", "Token");
      const [invocations, bytes] = await sumsOfDay(deployment, [
        { Namespace: "AWS/Lambda", MetricName: "Invocations", FunctionName },
        { Namespace: "AWS/Logs", MetricName: "IncomingBytes", LogGroupName },
      ]);
      if (invocations < 100) return unknown(`only ${invocations} requests`);
      const each = Math.round(bytes / invocations);
      return asExpected(each > 500 && each < 850, `${each}, of ${invocations} requests`);
    },
  },
  {
    question:
      "Do metrics arrive from the lines of Lambda's JSON log format? (Requests of the token function, last day)",
    expected: "one for each invocation, and no line whose metrics CloudWatch rejects",
    observe: async ({ deployment }) => {
      const { function: FunctionName, logGroup: LogGroupName } = await functionOf(deployment, "api", "Token");
      const requests = { Namespace: metricNamespace, MetricName: "Requests", stage: deployment.stage };
      const [invocations, unreadable, invalid, ...counts] = await sumsOfDay(deployment, [
        { Namespace: "AWS/Lambda", MetricName: "Invocations", FunctionName },
        { Namespace: "AWS/Logs", MetricName: "EMFParsingErrors", LogGroupName },
        { Namespace: "AWS/Logs", MetricName: "EMFValidationErrors", LogGroupName },
        ...originsOf("Requests", { services: ["token"] }).map((origin) => ({ ...requests, ...origin })),
      ]);
      const counted = counts.reduce((sum, each) => sum + each, 0);
      const rejected = unreadable + invalid;
      const observed = `${counted} requests of ${invocations} invocations, ${rejected} rejected`;
      if (invocations < 100) return unknown(observed);
      // A timeout has no line. CloudWatch may count a line twice, or after Lambda's own metric.
      return asExpected(rejected === 0 && Math.abs(counted / invocations - 1) < 0.02, observed);
    },
  },
];

/** Milliseconds, in ascending order. */
async function initDurations(deployment: Deployment): Promise<number[]> {
  const { logGroup: logGroupName } = await functionOf(deployment, "api", "Token");
  const client = new CloudWatchLogsClient({
    ...patience,
    region: deployment.region,
    credentials: deployment.credentials,
  });
  const query = { logGroupName, filterPattern: "{ $.coldStart IS TRUE }", startTime: Date.now() - 7 * 86_400_000 };
  const durations: number[] = [];
  for await (const { events = [] } of paginateFilterLogEvents({ client }, query)) {
    for (const { message = "" } of events) {
      durations.push((JSON.parse(message) as { initMs: number }).initMs);
    }
    if (durations.length >= 1000) break;
  }
  return durations.toSorted((one, other) => one - other);
}
