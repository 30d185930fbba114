import { Duration } from "aws-cdk-lib";
import * as cloudwatch from "aws-cdk-lib/aws-cloudwatch";
import { callFailures } from "@smart-token-broker/auth-core/rules/call-failures.ts";
import type { MetricName, MetricOrigins } from "@smart-token-broker/auth-core/metrics.ts";
import { gatewayThrottles } from "./access-log.ts";
import {
  type MetricOptions,
  needingTokens,
  replacing,
  serving,
  tokenSources,
  total,
  valuesOf,
} from "./broker-metrics.ts";
import { apiMetric, functionMetric, type MonitoredResources, tableThrottles } from "./monitored-resources.ts";

const minute = Duration.minutes(1);

/** The rows of the dashboard. Each answers one question, the most urgent first. */
export function dashboardRows(
  monitored: MonitoredResources,
  alarms: cloudwatch.IAlarm[],
  callers: cloudwatch.IWidget[],
): cloudwatch.IWidget[][] {
  const { metrics, functions } = monitored;
  const title = (markdown: string) => [new cloudwatch.TextWidget({ markdown: `## ${markdown}`, width: 24, height: 1 })];
  const graph = (name: string, width: number, left: cloudwatch.IMetric[], more: cloudwatch.GraphWidgetProps = {}) =>
    new cloudwatch.GraphWidget({ title: name, width, height: 6, left, leftYAxis: { min: 0 }, ...more });
  const sweep = (name: MetricName, options: MetricOptions = {}) => metrics.one(name, {}, { label: name, ...options });
  /** A line for each code or source, summed over the other dimensions. */
  const totalsBy = (dimension: "code" | "source", name: MetricName, filter: Partial<MetricOrigins> = {}) =>
    valuesOf(name, dimension, filter).map((value) =>
      total(metrics.all(name, { ...filter, [`${dimension}s`]: [value] }), value),
    );
  const tokens = { services: serving, codes: ["ok"], sources: tokenSources };
  const calls = { services: ["calls"], sources: ["api"] } as const;
  const durations = (statistic: string) =>
    metrics.all(
      "Duration",
      { ...tokens, services: ["token"] },
      { statistic, label: ({ source }) => `${statistic} ${source}` },
    );

  return [
    [new cloudwatch.AlarmStatusWidget({ title: "Alarms", width: 24, height: 3, alarms })],

    title("Are callers served?"),
    [
      graph("Requests per minute", 8, [
        apiMetric(monitored, "Count", {
          statistic: "Sum",
          period: minute,
          label: "all, including those that the gateway rejects",
        }),
        total(metrics.all("Requests", tokens), "tokens"),
        ...(functions.calls ? [total(metrics.all("Requests", calls), "calls that the API answered")] : []),
      ]),
      graph(
        "Errors by code",
        8,
        [
          ...totalsBy("code", "Requests", {
            services: needingTokens,
            codes: valuesOf("Requests", "code", { services: ["token"], sources: ["none"] }),
          }),
          ...(functions.oauth
            ? [
                total(
                  metrics.all("Requests", {
                    services: ["oauth"],
                    codes: ["invalid_client", "invalid_grant", "revoked"],
                  }),
                  "caller rejected",
                ),
              ]
            : []),
        ],
        {
          right: ["4xx", "5xx"].map((name) =>
            apiMetric(monitored, name, { statistic: "Sum", period: minute, label: `${name} of the gateway` }),
          ),
        },
      ),
      graph("Latency (ms)", 8, [
        apiMetric(monitored, "Latency", { statistic: "p99", period: minute, label: "p99 for callers" }),
        ...durations("p50"),
        ...durations("p99"),
      ]),
    ],

    ...(functions.calls
      ? [
          title("Are calls answered?"),
          [
            graph("Answers of the business API", 8, totalsBy("code", "Requests", calls), { stacked: true }),
            graph(
              "Calls without an answer of it, by code",
              8,
              totalsBy("code", "Requests", { services: ["calls"], codes: [...Object.keys(callFailures), "revoked"] }),
            ),
            graph(
              "Latency of calls (ms)",
              8,
              ["p50", "p99"].flatMap((statistic) =>
                metrics.all("Duration", { ...calls, codes: ["ok"] }, { statistic, label: statistic }),
              ),
            ),
          ],
        ]
      : []),

    title("Where do tokens come from?"),
    [
      graph("Tokens by source", 12, totalsBy("source", "Requests", tokens), { stacked: true }),
      graph("Calls to Smart Services by grant", 6, totalsBy("source", "UpstreamCalls", { services: replacing })),
      graph(
        "Latency of Smart Services (ms, p99)",
        6,
        metrics.all(
          "UpstreamDuration",
          { services: ["token-rotation"] },
          { statistic: "p99", label: ({ source }) => source },
        ),
      ),
    ],

    title("Are tokens fresh?"),
    [
      graph(
        "Shortest remaining time of returned tokens (s)",
        6,
        metrics.all("Remaining", { services: ["token"] }, { statistic: "Minimum", label: ({ source }) => source }),
        {
          right: [total(metrics.all("ValidityMissed"), "too little time left")],
        },
      ),
      graph("Delay of the sweep (s)", 6, [sweep("OldestLateness", { statistic: "Maximum" })]),
      graph(
        "Sweep: connections",
        6,
        (["SweepsCompleted", "Due", "Replaced", "Failed", "Deferred"] as const).map((name) => sweep(name)),
      ),
      graph("Failed replacements by code", 6, [
        ...totalsBy("code", "ReplacementFailures"),
        ...totalsBy("code", "RegistrationsGone"),
      ]),
    ],

    title("Are credentials current?"),
    [
      graph("Age of the oldest API key (days)", 8, [
        sweep("KeyAgeDays", { statistic: "Maximum", period: Duration.hours(1) }),
      ]),
      graph("Time until the first refresh token expires (days)", 8, [
        sweep("RefreshTokenDaysLeft", { statistic: "Minimum", period: Duration.hours(1) }),
      ]),
      graph(
        "API keys per day",
        8,
        (
          [
            ["KeysRotated", "rotated"],
            ["KeysRetirable", "can be revoked"],
          ] as const
        ).map(([name, label]) => metrics.one(name, {}, { period: Duration.days(1), label })),
      ),
    ],

    title("Who calls?"),
    callers,

    title("Does AWS limit the broker?"),
    [
      graph(
        "Throttles",
        12,
        [
          ...Object.entries(functions).map(([label, each]) =>
            functionMetric(each, "Throttles", { statistic: "Sum", period: minute, label }),
          ),
          gatewayThrottles(monitored.settings.stage, minute),
        ],
        { right: tableThrottles(monitored, { statistic: "Sum", period: minute }) },
      ),
      graph(
        "Concurrent environments",
        12,
        Object.entries(functions).map(([label, each]) =>
          functionMetric(each, "ConcurrentExecutions", { statistic: "Maximum", period: minute, label }),
        ),
      ),
    ],
  ];
}
