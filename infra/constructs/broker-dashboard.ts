import { Duration } from "aws-cdk-lib";
import * as cloudwatch from "aws-cdk-lib/aws-cloudwatch";
import { type MetricOptions, type Service, total } from "./broker-metrics.ts";
import { serving, tokenSources } from "./caller-alarms.ts";
import { apiMetric, type MonitoredResources } from "./monitored-resources.ts";

const minute = Duration.minutes(1);
/** Codes of a failed replacement, and of a failed request. */
const replacementFailureCodes = [
  "connection_not_ready",
  "credentials_rejected",
  "upstream_malformed",
  "upstream_unavailable",
  "unavailable",
];
const failureCodes = [...replacementFailureCodes, "invalid_request", "unknown_connection", "too_soon", "internal"];

/** The rows of the dashboard. Each answers one question, the most urgent first. */
export function dashboardRows(
  monitored: MonitoredResources,
  alarms: cloudwatch.IAlarm[],
  callers: cloudwatch.IWidget[],
): cloudwatch.IWidget[][] {
  const { metrics, functions, table } = monitored;
  const title = (markdown: string) => [new cloudwatch.TextWidget({ markdown: `## ${markdown}`, width: 24, height: 1 })];
  const graph = (name: string, width: number, left: cloudwatch.IMetric[], more: cloudwatch.GraphWidgetProps = {}) =>
    new cloudwatch.GraphWidget({ title: name, width, height: 6, left, leftYAxis: { min: 0 }, ...more });
  const ofRotation = (name: string, options: MetricOptions = {}) =>
    metrics.of(name, { service: "token-rotation", code: "ok", source: "schedule" }, { label: name, ...options });
  const requests = (codes: string[], label: string, sources = ["none"]) =>
    total(metrics.each("Requests", { services: serving, codes, sources }), label);
  const durations = (statistic: string) =>
    tokenSources.map((source) =>
      metrics.of("Duration", { service: "token", code: "ok", source }, { statistic, label: `${statistic} ${source}` }),
    );
  const replacing: Service[] = [...serving, "token-rotation"];

  return [
    [new cloudwatch.AlarmStatusWidget({ title: "Alarms", width: 24, height: 3, alarms })],

    title("Are callers served?"),
    [
      graph("Requests per minute", 8, [
        apiMetric(monitored, "Count", "Sum", minute, "all, including those that the gateway rejects"),
        requests(["ok"], "tokens", tokenSources),
      ]),
      graph(
        "Errors by code",
        8,
        [
          ...failureCodes.map((code) => requests([code], code)),
          total(
            metrics.each("Requests", { services: ["oauth"], codes: ["invalid_client", "invalid_grant"] }),
            "caller rejected",
          ),
        ],
        { right: ["4xx", "5xx"].map((name) => apiMetric(monitored, name, "Sum", minute, `${name} of the gateway`)) },
      ),
      graph("Latency (ms)", 8, [
        apiMetric(monitored, "Latency", "p99", minute, "p99 for callers"),
        ...durations("p50"),
        ...durations("p99"),
      ]),
    ],

    title("Where do tokens come from?"),
    [
      graph(
        "Tokens by source",
        12,
        tokenSources.map((source) => requests(["ok"], source, [source])),
        { stacked: true },
      ),
      graph(
        "Calls to Smart Services by grant",
        6,
        ["api_key", "refresh_token"].map((source) =>
          total(metrics.each("UpstreamCalls", { services: replacing, codes: ["any"], sources: [source] }), source),
        ),
      ),
      graph(
        "Latency of Smart Services (ms, p99)",
        6,
        ["api_key", "refresh_token"].map((source) =>
          metrics.of(
            "UpstreamDuration",
            { service: "token-rotation", code: "any", source },
            { statistic: "p99", label: source },
          ),
        ),
      ),
    ],

    title("Are tokens fresh?"),
    [
      graph(
        "Shortest remaining time of returned tokens (s)",
        6,
        tokenSources.map((source) =>
          metrics.of("Remaining", { service: "token", code: "ok", source }, { statistic: "Minimum", label: source }),
        ),
        {
          right: [
            total(
              metrics.each("ValidityMissed", { services: serving, codes: ["ok"], sources: tokenSources }),
              "too little time left",
            ),
          ],
        },
      ),
      graph("Delay of the sweep (s)", 6, [ofRotation("OldestLateness", { statistic: "Maximum" })]),
      graph(
        "Sweep: connections",
        6,
        ["SweepsCompleted", "Due", "Replaced", "Failed", "Deferred"].map((name) => ofRotation(name)),
      ),
      graph("Failed replacements by code", 6, [
        ...replacementFailureCodes.map((code) =>
          total(metrics.each("ReplacementFailures", { services: replacing, codes: [code] }), code),
        ),
        total(
          metrics.each("RegistrationsGone", { services: replacing, codes: ["registration_gone"] }),
          "registration_gone",
        ),
      ]),
    ],

    title("Are credentials current?"),
    [
      graph("Age of the oldest API key (days)", 8, [
        ofRotation("KeyAgeDays", { statistic: "Maximum", period: Duration.hours(1) }),
      ]),
      graph("Time until the first refresh token expires (days)", 8, [
        ofRotation("RefreshTokenDaysLeft", { statistic: "Minimum", period: Duration.hours(1) }),
      ]),
      graph(
        "API keys per day",
        8,
        (
          [
            ["KeysRotated", "key-rotation", "rotated"],
            ["KeysRetirable", "token-rotation", "can be revoked"],
          ] as const
        ).map(([name, service, label]) =>
          metrics.of(name, { service, code: "ok", source: "none" }, { period: Duration.days(1), label }),
        ),
      ),
    ],

    title("Who calls?"),
    callers,

    title("Does AWS limit the broker?"),
    [
      graph(
        "Throttles",
        12,
        Object.entries(functions).map(([label, each]) => each.function.metricThrottles({ period: minute, label })),
        {
          right: ["ReadThrottleEvents", "WriteThrottleEvents"].map((name) =>
            table.metric(name, { statistic: "Sum", period: minute }),
          ),
        },
      ),
      graph(
        "Concurrent environments",
        12,
        Object.entries(functions).map(([label, each]) =>
          each.function.metric("ConcurrentExecutions", { statistic: "Maximum", period: minute, label }),
        ),
      ),
    ],
  ];
}
