import { Duration } from "aws-cdk-lib";
import { gatewayThrottles } from "./access-log.ts";
import { type AlarmSpec, rejections } from "./broker-alarm.ts";
import { type BrokerMetrics, needingTokens, replacing, total } from "./broker-metrics.ts";
import {
  apiMetric,
  type FunctionNames,
  functionMetric,
  type MonitoredResources,
  tableThrottles,
} from "./monitored-resources.ts";

/** Each of the last five minutes is evaluated, because values can arrive late. */
const anyOfFiveMinutes = { threshold: 1, periods: 5, breaching: 1 };

/** Tokens that callers received with too little time left. */
export const missedValidity = (metrics: BrokerMetrics) =>
  total(metrics.all("ValidityMissed"), "tokens with too little time left");

/** Requests without a token, because Smart Services or the stores do not respond. A failure of the business API is none. */
export const failedRequests = (metrics: BrokerMetrics, period: Duration) =>
  total(
    metrics.all("Requests", {
      services: needingTokens,
      codes: ["upstream_unavailable", "upstream_malformed", "unavailable"],
    }),
    "failed requests",
    period,
  );

/** Alarms about what callers receive and request. */
export function callerAlarms(monitored: MonitoredResources): AlarmSpec[] {
  const { metrics, functions, statusCommand } = monitored;
  const { calls, ...others } = functions;
  const all = Object.values(functions);
  const errorsOf = (each: (typeof all)[number]) =>
    functionMetric(each, "Errors", { statistic: "Sum", period: Duration.minutes(1) });
  return [
    {
      name: "validity-objective",
      happens: "A caller received a token that had expired or had less time left than it may expect.",
      callers: "The caller may get errors from Smart Services.",
      first: `run \`${statusCommand}\`: if Smart Services fails, no fresher token is available.`,
      metric: missedValidity(metrics),
      ...anyOfFiveMinutes,
    },
    {
      name: "errors",
      happens: "Callers receive no token, because Smart Services, DynamoDB or Secrets Manager does not respond.",
      callers: "Callers receive 502 or 503.",
      first: "see the errors by code on the CloudWatch dashboard.",
      metric: failedRequests(metrics, Duration.minutes(5)),
      threshold: 5,
      periods: 2,
      breaching: 1,
    },
    {
      name: "internal-errors",
      happens: "A function failed with an unexpected error, timed out or ran out of memory.",
      callers: "Its callers receive 500 or 503.",
      first: "run the saved query 'what went wrong' and read the stack trace.",
      metric: total(
        [
          // A bug of the key-rotation function is in its errors.
          ...metrics.all("Bugs", { services: [...replacing.filter((each) => each !== "calls"), "status"] }),
          ...Object.values(others).map(errorsOf),
        ],
        "failures",
        Duration.minutes(1),
        // The key-rotation function must throw to report a failed step to Secrets Manager. Those are not bugs.
        metrics.all("StepsFailed"),
      ),
      ...anyOfFiveMinutes,
    },
    {
      name: "throttles",
      happens: "AWS throttles the broker: Lambda's concurrency or the table's throughput is at its limit.",
      callers: "Callers may receive 429 or 503.",
      first: "see on the CloudWatch dashboard which of the two it is, then request a higher quota.",
      metric: total(
        [
          ...all.map((each) => functionMetric(each, "Throttles", { statistic: "Sum", period: Duration.minutes(1) })),
          ...tableThrottles(monitored, { statistic: "Sum", period: Duration.minutes(1) }),
        ],
        "throttles",
      ),
      ...anyOfFiveMinutes,
    },
    {
      name: "gateway-throttles",
      happens: "API Gateway rejected requests, because a route received more than its throttle allows.",
      callers: "Callers of that route receive 429, also those that send few requests.",
      first: "see in the access log which path and IP address had most of them.",
      metric: total(
        [gatewayThrottles(monitored.settings.stage, Duration.minutes(5))],
        "requests over the throttle",
        Duration.minutes(5),
      ),
      threshold: 5,
      periods: 2,
      breaching: 1,
    },
    {
      name: "unusual-requests",
      happens: "The number of requests is far above or below the normal value for this hour of the week.",
      callers: "Callers may be unable to reach the API.",
      first: "see on the CloudWatch dashboard which callers and connections are new at the top.",
      metric: total(
        // The gateway emits nothing without a request. `total` counts that as 0.
        [apiMetric(monitored, "Count", { statistic: "Sum", period: Duration.minutes(5), label: "requests" })],
        "requests",
        Duration.minutes(5),
      ),
      periods: 3,
    },
    {
      name: "unusual-upstream-calls",
      happens:
        "The number of calls to Smart Services is far above or below the normal value for this hour of the week.",
      callers: "Callers with a stored token are served.",
      first: "check whether one connection is replaced again and again, or the sweep has stopped.",
      metric: total(metrics.all("UpstreamCalls"), "calls to Smart Services", Duration.minutes(5)),
      periods: 3,
    },
    ...(calls ? callAlarms(metrics, calls) : []),
  ];
}

/**
 * Alarms about calls alone: with their metrics, two of the others would have more than ten. What the business API answers, or
 * does not, starts none of them, unless it rejects a valid token.
 */
function callAlarms(metrics: BrokerMetrics, calls: FunctionNames): AlarmSpec[] {
  const invocations = { statistic: "Sum", period: Duration.minutes(5), label: "calls" };
  return [
    {
      name: "internal-errors-of-calls",
      happens: "The function calls failed with an unexpected error, timed out or ran out of memory.",
      callers: "Its callers receive 500 or 503.",
      first: "run the saved query 'what went wrong' and read the stack trace.",
      metric: total(
        [
          ...metrics.all("Bugs", { services: ["calls"] }),
          functionMetric(calls, "Errors", { statistic: "Sum", period: Duration.minutes(1) }),
        ],
        "failures",
      ),
      ...anyOfFiveMinutes,
    },
    {
      name: "calls-failing",
      happens: "Calls fail because of a connection's registration, or the business API rejects a valid token.",
      callers: "Callers of that connection receive 409 or 502.",
      first: "find the connection (saved query 'what went wrong') and read the code.",
      metric: total(
        [
          ...metrics.all("ReplacementFailures", { services: ["calls"], codes: rejections }),
          ...metrics.all("Requests", { services: ["calls"], codes: [...rejections, "api_rejected_token"] }),
        ],
        "failed calls",
        Duration.hours(1),
      ),
      threshold: 1,
      // As for rejected credentials.
      periods: 2,
      breaching: 1,
    },
    {
      name: "unusual-calls",
      happens: "The number of calls is far above or below the normal value for this hour of the week.",
      callers: "Callers notice nothing.",
      first: "see on the CloudWatch dashboard which callers are new at the top.",
      // What is invoked, accepted or not: guesses of strangers count too.
      metric: total([functionMetric(calls, "Invocations", invocations)], "calls", Duration.minutes(5)),
      periods: 3,
      isSilent: true,
    },
  ];
}
