import { type CloudWatchClient, type MetricDataQuery, paginateGetMetricData } from "@aws-sdk/client-cloudwatch";
import { originsOf } from "@smart-token-broker/auth-core/metrics.ts";
import { metricNamespace } from "@smart-token-broker/auth-core/rules/settings.ts";
import type { Traffic, TrafficStep } from "../../dashboard/contract.ts";
import { emptyStep, isCallersFault, requestsOf } from "../../dashboard/traffic.ts";

const serving = { services: ["token", "oauth", "calls"] } as const;

type Count = ReturnType<typeof originsOf>[number] & {
  name: "Requests" | "ValidityMissed" | "UpstreamCalls" | "ReplacementFailures";
};

/** The metrics that the page counts: one for each combination of dimensions, under 100. */
const counts: Count[] = (
  [
    ["Requests", serving],
    ["ValidityMissed", serving],
    ["UpstreamCalls", {}],
    ["ReplacementFailures", {}],
  ] as const
).flatMap(([name, filter]) => originsOf(name, filter).map((origin) => ({ name, ...origin })));

/**
 * Reads the traffic of a stage from CloudWatch, in steps of whole minutes. CloudWatch has a metric a minute or two
 * late. Throws AWS's error.
 *
 * @param range seconds back from `now`
 */
export async function readTraffic(
  client: CloudWatchClient,
  stage: string,
  range: number,
  now: number,
): Promise<Traffic> {
  const stepSeconds = range > 3600 ? 180 : 60;
  const end = Math.ceil(now / stepSeconds) * stepSeconds;
  const start = end - Math.ceil(range / stepSeconds) * stepSeconds;
  const steps = Array.from({ length: (end - start) / stepSeconds }, emptyStep);
  const errors: Record<string, number> = {};
  const input = {
    StartTime: new Date(start * 1000),
    EndTime: new Date(end * 1000),
    MetricDataQueries: counts.map((count, index) => queryOf(count, index, stage, stepSeconds)),
  };
  for await (const { MetricDataResults = [] } of paginateGetMetricData({ client }, input)) {
    for (const { Id = "", Timestamps = [], Values = [] } of MetricDataResults) {
      const count = counts[Number(Id.slice(1))];
      for (const [index, value] of Values.entries()) {
        const step = steps[Math.floor(((Timestamps[index]?.getTime() ?? 0) / 1000 - start) / stepSeconds)];
        if (step && count) addTo(step, errors, count, value);
      }
    }
  }
  return { end, stepSeconds, steps, requestsPerSecond: lastRate(steps, stepSeconds), errors };
}

function queryOf(
  { name, service, code, source }: Count,
  index: number,
  stage: string,
  Period: number,
): MetricDataQuery {
  const dimensions = { service, stage, code, source };
  const Dimensions = Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value }));
  return {
    Id: `m${index}`,
    MetricStat: { Metric: { Namespace: metricNamespace, MetricName: name, Dimensions }, Period, Stat: "Sum" },
  };
}

function addTo(step: TrafficStep, errors: Record<string, number>, { name, code, source }: Count, value: number): void {
  switch (name) {
    case "ValidityMissed":
      step.missed += value;
      return;
    case "UpstreamCalls":
      step.calls += value;
      return;
    // No metric counts the calls that fail; a replacement that fails has one or two.
    case "ReplacementFailures":
      step.callsFailed += value;
      return;
    case "Requests":
      if (code !== "ok" && value > 0) errors[code] = (errors[code] ?? 0) + value;
      if (source === "api") step.api += value;
      else if (code !== "ok") step[isCallersFault(code) ? "refused" : "failed"] += value;
      else if (source === "memory" || source === "table" || source === "upstream") step[source] += value;
  }
}

/** Of the last step with requests that is complete: the newest one is not. */
function lastRate(steps: TrafficStep[], stepSeconds: number): number {
  const step = steps.at(-2) ?? emptyStep();
  return requestsOf(step) / stepSeconds;
}
