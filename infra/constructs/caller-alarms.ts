import { Duration } from "aws-cdk-lib";
import type { AlarmSpec } from "./broker-alarm.ts";
import { type Service, total } from "./broker-metrics.ts";
import { apiMetric, type MonitoredResources } from "./monitored-resources.ts";

/** The functions that hand out tokens, and where they have them from. */
export const serving: Service[] = ["token", "oauth"];
export const tokenSources = ["memory", "table", "upstream"];

/** A value that comes late still counts: every one of the last five minutes is looked at. */
const anyOfFiveMinutes = { threshold: 1, periods: 5, breaching: 1 };

/** Alarms about what callers get, and how they ask. */
export function callerAlarms(monitored: MonitoredResources): AlarmSpec[] {
  const { metrics, functions } = monitored;
  const all = Object.values(functions);
  return [
    {
      name: "validity-objective",
      means: "A token was handed out that had expired, or had less left than its caller may count on.",
      first: "look whether Smart Services fail: a token that is still valid is then all that is to be had.",
      metric: total(
        metrics.each("ValidityMissed", { services: serving, codes: ["ok"], sources: tokenSources }),
        "tokens that missed the objective",
      ),
      ...anyOfFiveMinutes,
    },
    {
      name: "errors",
      means: "Callers are refused a token because Smart Services or the broker's own stores do not answer.",
      first: "look at the errors by code on the dashboard.",
      metric: total(
        metrics.each("Requests", {
          services: serving,
          codes: ["upstream_unavailable", "upstream_malformed", "unavailable"],
        }),
        "refused requests",
        Duration.minutes(5),
      ),
      threshold: 5,
      periods: 2,
      breaching: 1,
    },
    {
      name: "internal-errors",
      means: "A function failed in a way that nobody foresaw, ran out of time or of memory.",
      first: "run the saved query 'what went wrong' and read the stack trace.",
      metric: total(
        [
          ...metrics.each("Bugs", {
            services: [...serving, "status", "token-rotation"],
            codes: ["internal"],
          }),
          ...all.map((each) => each.function.metricErrors({ statistic: "Sum", period: Duration.minutes(1) })),
        ],
        "failures",
        Duration.minutes(1),
        // By throwing, the rotation of keys tells Secrets Manager of its ordinary failures too. A bug it throws as well.
        [metrics.of("StepsFailed", { service: "key-rotation", code: "failed", source: "none" })],
      ),
      ...anyOfFiveMinutes,
    },
    {
      name: "throttles",
      means: "AWS turned requests of the broker away: the account's concurrency, or the table's throughput.",
      first: "see on the dashboard which of the two, and raise that quota.",
      metric: total(
        [
          ...all.map((each) => each.function.metricThrottles({ statistic: "Sum", period: Duration.minutes(1) })),
          ...["ReadThrottleEvents", "WriteThrottleEvents"].map((name) =>
            monitored.table.metric(name, { statistic: "Sum", period: Duration.minutes(1) }),
          ),
        ],
        "throttles",
      ),
      ...anyOfFiveMinutes,
    },
    {
      name: "unusual-requests",
      means: "There are many more or many fewer requests than is normal for this hour of this day.",
      first: "see on the dashboard which callers and which connections are new at the top.",
      metric: total(
        // Without a request the gateway writes nothing: that has to count as 0 to be seen.
        [apiMetric(monitored, "Count", "Sum", Duration.minutes(5), "requests")],
        "requests",
        Duration.minutes(5),
      ),
      periods: 3,
    },
    {
      name: "unusual-upstream-calls",
      means: "Smart Services are asked much more or much less often than is normal for this hour of this day.",
      first: "see whether one connection is replaced again and again, or whether the sweep stands still.",
      metric: total(
        [
          ...metrics.each("UpstreamCalls", {
            services: [...serving, "token-rotation"],
            codes: ["any"],
            sources: ["api_key", "refresh_token"],
          }),
          metrics.of("UpstreamCalls", { service: "key-rotation", code: "any", source: "api_key" }),
        ],
        "calls of Smart Services",
        Duration.minutes(5),
      ),
      periods: 3,
    },
  ];
}
