import { keyActions } from "../../functions/auth-core/rules/keys/key-action.ts";
import { expect, test } from "vitest";
import { type MetricName, originsOf, type Service } from "../../functions/auth-core/metrics.ts";
import { metricsOfAlarm } from "./monitoring-template.ts";
import { callsCaller, keyCaller, type Resource, type Synthesised, synthesise } from "./synth.ts";

const context = { shards: 3, prober: { connection: "webapicorso" } };
const withoutCalls = synthesise({ ...context, callers: [keyCaller] });
const withCalls = synthesise({ ...context, callers: [keyCaller, callsCaller] });

/**
 * What an alarm watches: `NAME service code [source]`, or `NAME resource` for a metric of AWS; `less` means that it is
 * subtracted. And when it starts: statistic and seconds, how several metrics become one value, the threshold, and the
 * breaching periods of the evaluated ones.
 */
type Meaning = [metrics: string[], starts: string];

const nameOfMetric = (name: string, service: string, code: string, source: string) =>
  [name, service, code, ...(source === "none" ? [] : [source])].join(" ");
/** Every metric of a name, or those with these services and codes. Those of calls only if it is named. */
const every = (name: MetricName, services?: Service[], codes?: string[]) =>
  originsOf(name, { ...(services && { services }), ...(codes && { codes }) })
    .filter(({ service }) => service !== "calls" || services)
    .map(({ service, code, source }) => nameOfMetric(name, service, code, source));
const keyActionsWatchedBy = (name: string) =>
  Object.entries(keyActions).flatMap(([reason, { alarm, by }]) =>
    alarm === name ? every("KeyActionsNeeded", [...by], [reason]) : [],
  );
const ofFunctions = (name: string) =>
  ["Token", "OAuth", "Status", "TokenRotation", "KeyRotation"].map((id) => `${name} ${id}Function`);
const serving: Service[] = ["token", "oauth"];
const replacing: Service[] = [...serving, "token-rotation"];

const summed = (seconds: number, is: string, when: string) => `Sum of ${seconds} s, absent is 0, ${is}, ${when}`;
const anyOfFiveMinutes = summed(60, ">= 1", "1 of 5");
const outsideBand = summed(300, "outside 4 deviations", "3 of 3");
const hourly = summed(3600, ">= 1", "1 of 2");
const daily = summed(86_400, ">= 1", "1 of 2");
const rejections = ["credentials_rejected", "connection_not_ready"];
const temporary = ["upstream_unavailable", "upstream_malformed"];

const meanings: Record<string, Meaning> = {
  "validity-objective": [every("ValidityMissed"), anyOfFiveMinutes],
  errors: [every("Requests", serving, [...temporary, "unavailable"]), summed(300, ">= 5", "1 of 2")],
  "internal-errors": [
    [
      ...every("Bugs", [...replacing, "status"]),
      ...ofFunctions("Errors"),
      // The key-rotation function throws if an operator must act.
      "less StepsFailed key-rotation failed",
    ],
    anyOfFiveMinutes,
  ],
  throttles: [[...ofFunctions("Throttles"), "ReadThrottleEvents Table", "WriteThrottleEvents Table"], anyOfFiveMinutes],
  "gateway-throttles": [["GatewayThrottles dev"], summed(300, ">= 5", "1 of 2")],
  "unusual-requests": [["Count Api"], outsideBand],
  "unusual-upstream-calls": [every("UpstreamCalls"), outsideBand],
  "no-sweep": [
    ["SweepsCompleted token-rotation ok schedule"],
    `${summed(60, "< 3", "3 of 3")}, missing data is breaching`,
  ],
  "rejected-credentials": [
    [...every("ReplacementFailures", replacing, rejections), ...every("Requests", serving, rejections)],
    hourly,
  ],
  "replacements-failing": [every("ReplacementFailures", replacing, temporary), summed(300, ">= 1", "3 of 5")],
  "registration-gone": [every("RegistrationsGone"), hourly],
  "commits-not-written": [every("CommitsNotWritten"), anyOfFiveMinutes],
  "store-unavailable": [every("StoreUnavailable"), summed(300, ">= 3", "1 of 2")],
  "dead-letters": [["ApproximateNumberOfMessagesVisible DeadLetters"], "Maximum of 60 s, >= 1, 1 of 1"],
  "key-overdue": [keyActionsWatchedBy("key-overdue"), daily],
  "key-rotation-failed": [keyActionsWatchedBy("key-rotation-failed"), daily],
  "rotation-off": [["KeyActionsNeeded token-rotation rotation_off"], daily],
  "refresh-token-ends": [["RefreshTokensEnding token-rotation ok schedule"], "Sum of 3600 s, >= 1, 1 of 2"],
  "api-open": [["Probes prober open prober"], summed(300, ">= 1", "1 of 1")],
  // A probe may be a minute late, and its metric three: with one failed probe, at most 14 periods in a row have none.
  "probe-failed": [["Probes prober ok prober"], `${summed(60, "< 1", "15 of 15")}, missing data is breaching`],
};

const startsOf = (name: string) => meanings[name]?.[1] ?? "";

/** If there are calls: alarms of their own, and the metrics that others have in addition. */
const meaningsOfCalls: Record<string, Meaning> = {
  "internal-errors-of-calls": [[...every("Bugs", ["calls"]), "Errors CallsFunction"], anyOfFiveMinutes],
  "calls-failing": [
    [
      ...every("ReplacementFailures", ["calls"], rejections),
      ...every("Requests", ["calls"], [...rejections, "api_rejected_token"]),
    ],
    hourly,
  ],
  "unusual-calls": [["Invocations CallsFunction"], outsideBand],
  errors: [every("Requests", ["calls"], [...temporary, "unavailable"]), startsOf("errors")],
  throttles: [["Throttles CallsFunction"], anyOfFiveMinutes],
  "unusual-upstream-calls": [every("UpstreamCalls", ["calls"]), outsideBand],
  "replacements-failing": [every("ReplacementFailures", ["calls"], temporary), startsOf("replacements-failing")],
  "registration-gone": [every("RegistrationsGone", ["calls"]), hourly],
  "commits-not-written": [every("CommitsNotWritten", ["calls"]), anyOfFiveMinutes],
  "store-unavailable": [every("StoreUnavailable", ["calls"]), startsOf("store-unavailable")],
};
const allMeanings: Record<string, Meaning> = {
  ...meanings,
  ...Object.fromEntries(
    Object.entries(meaningsOfCalls).map(([name, [metrics, starts]]) => [
      name,
      [[...(meanings[name]?.[0] ?? []), ...metrics], starts],
    ]),
  ),
};

/** The meaning of an alarm in the template. An unknown expression is returned unchanged. */
function meaningOf(alarm: Resource, synthesised: Synthesised): Meaning {
  const { Properties } = alarm;
  const monitored = metricsOfAlarm(alarm, synthesised);
  const expressions: { Id: string; Expression?: string; MetricStat?: object }[] = Properties.Metrics ?? [];
  const ids = expressions.filter(({ MetricStat }) => MetricStat).map(({ Id }) => Id);
  const band = expressions.find(({ Id }) => Id === Properties.ThresholdMetricId);
  const value = expressions.find((each) => each.Expression && each !== band);
  const isLess = (id: string | undefined) => value?.Expression?.includes(`-1 * FILL(${id}, 0)`) ?? false;
  const parts = ids.map((id) => `${isLess(id) ? "-1 * " : ""}FILL(${id}, 0)`);
  const isFilledSum = value?.Expression === `SUM([${parts.join(", ")}])` || value?.Expression === `FILL(${ids[0]}, 0)`;
  const deviations = new RegExp(`^ANOMALY_DETECTION_BAND\\(${value?.Id}, (\\d+)\\)$`).exec(band?.Expression ?? "")?.[1];
  const thresholds: Record<string, string> = {
    GreaterThanOrEqualToThreshold: `>= ${Properties.Threshold}`,
    LessThanThreshold: `< ${Properties.Threshold}`,
    LessThanLowerOrGreaterThanUpperThreshold: `outside ${deviations} deviations`,
  };
  const metrics = monitored.map(({ name, dimensions }, index) => {
    const { service, code, source } = dimensions;
    const less = isLess(ids[index]) ? "less " : "";
    if (service === undefined) return `${less}${name} ${Object.values(dimensions).map(nameOf).join(" ")}`;
    return less + nameOfMetric(name, service, code ?? "", source ?? "");
  });
  const starts = [
    ...new Set(monitored.map(({ statistic, period }) => `${statistic} of ${period} s`)),
    ...(value === undefined ? [] : [isFilledSum ? "absent is 0" : value.Expression]),
    thresholds[Properties.ComparisonOperator],
    `${Properties.DatapointsToAlarm} of ${Properties.EvaluationPeriods}`,
    ...(Properties.TreatMissingData === "notBreaching" ? [] : [`missing data is ${Properties.TreatMissingData}`]),
  ];
  return [metrics.toSorted(), starts.join(", ")];
}

/** The id in a reference to a resource, without its hash. */
const nameOf = (reference: string) => /^\$\{(\w+?)[0-9A-F]{8}[.}]/.exec(reference)?.[1] ?? reference;

const cases = (synthesised: Synthesised, expected: Record<string, Meaning>, place: string) =>
  Object.entries(expected).map(([name, meaning]) => [name, place, meaning, synthesised] as const);

test.each([...cases(withoutCalls, meanings, "without calls"), ...cases(withCalls, allMeanings, "with calls")])(
  "The alarm %s watches these metrics and starts under this condition, %s",
  (name, _, [metrics, starts], synthesised) => {
    const alarm = synthesised
      .ofType("AWS::CloudWatch::Alarm")
      .find(({ Properties }) => Properties.AlarmName === `smart-token-broker-dev-${name}`);

    expect(alarm && meaningOf(alarm, synthesised)).toEqual([metrics.toSorted(), starts]);
  },
);

test("No other alarm exists", () => {
  expect(withoutCalls.ofType("AWS::CloudWatch::Alarm")).toHaveLength(Object.keys(meanings).length);
  expect(withCalls.ofType("AWS::CloudWatch::Alarm")).toHaveLength(Object.keys(allMeanings).length);
});
