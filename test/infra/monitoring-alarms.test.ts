import { expect, test } from "vitest";
import { type MetricName, originsOf, type Service } from "../../functions/auth-core/metrics.ts";
import { metricsOfAlarm } from "./monitoring-template.ts";
import { keyCaller, type Resource, synthesise } from "./synth.ts";

const synthesised = synthesise({ shards: 3, prober: { connection: "webapicorso" }, callers: [keyCaller] });
const alarms = synthesised.ofType("AWS::CloudWatch::Alarm");

/** What an alarm watches, and when it starts. */
interface Meaning {
  /** `NAME service code [source]`, or `NAME resource` for a metric of AWS. `less` means that it is subtracted. */
  metrics: string[];
  /** Statistic and seconds. */
  of: string;
  /** How several metrics become one value. */
  by: "the metric" | "the sum, absent is 0" | "the metric, absent is 0";
  is: string;
  /** Breaching periods of evaluated periods. */
  when: string;
  missing?: "breaching";
}

const nameOfMetric = (name: string, service: string, code: string, source: string) =>
  [name, service, code, ...(source === "none" ? [] : [source])].join(" ");
/** Every metric of a name, or those with these services and codes. */
const every = (name: MetricName, services?: Service[], codes?: string[]) =>
  originsOf(name, { ...(services && { services }), ...(codes && { codes }) }).map(({ service, code, source }) =>
    nameOfMetric(name, service, code, source),
  );
const ofFunctions = (name: string) =>
  ["Token", "OAuth", "Status", "TokenRotation", "KeyRotation"].map((id) => `${name} ${id}Function`);
const serving: Service[] = ["token", "oauth"];
const replacing: Service[] = [...serving, "token-rotation"];

const summed = (metrics: string[], seconds: number, is: string, when: string): Meaning => ({
  metrics,
  of: `Sum of ${seconds} s`,
  by: "the sum, absent is 0",
  is,
  when,
});
const anyOfFiveMinutes = (metrics: string[]) => summed(metrics, 60, ">= 1", "1 of 5");
const outsideBand = (metrics: string[]) => summed(metrics, 300, "outside 4 deviations", "3 of 3");
const hourly = (metrics: string[]) => summed(metrics, 3600, ">= 1", "1 of 2");
const daily = (metrics: string[]) => summed(metrics, 86_400, ">= 1", "1 of 2");
const rejections = ["credentials_rejected", "connection_not_ready"];

const meanings: Record<string, Meaning> = {
  "validity-objective": anyOfFiveMinutes(every("ValidityMissed")),
  errors: summed(
    every("Requests", serving, ["upstream_unavailable", "upstream_malformed", "unavailable"]),
    300,
    ">= 5",
    "1 of 2",
  ),
  "internal-errors": anyOfFiveMinutes([
    ...every("Bugs", [...replacing, "status"]),
    ...ofFunctions("Errors"),
    // The key-rotation function throws if an operator must act.
    "less StepsFailed key-rotation failed",
  ]),
  throttles: anyOfFiveMinutes([...ofFunctions("Throttles"), "ReadThrottleEvents Table", "WriteThrottleEvents Table"]),
  "gateway-throttles": summed(["GatewayThrottles dev"], 300, ">= 5", "1 of 2"),
  "unusual-requests": outsideBand(["Count Api"]),
  "unusual-upstream-calls": outsideBand(every("UpstreamCalls")),
  "no-sweep": {
    ...summed(["SweepsCompleted token-rotation ok schedule"], 60, "< 3", "3 of 3"),
    by: "the metric, absent is 0",
    missing: "breaching",
  },
  "rejected-credentials": hourly([
    ...every("ReplacementFailures", replacing, rejections),
    ...every("Requests", serving, rejections),
  ]),
  "replacements-failing": summed(
    every("ReplacementFailures", replacing, ["upstream_unavailable", "upstream_malformed"]),
    300,
    ">= 1",
    "3 of 5",
  ),
  "registration-gone": hourly(every("RegistrationsGone")),
  "commits-not-written": anyOfFiveMinutes(every("CommitsNotWritten")),
  "store-unavailable": summed(every("StoreUnavailable"), 300, ">= 3", "1 of 2"),
  "dead-letters": {
    metrics: ["ApproximateNumberOfMessagesVisible DeadLetters"],
    of: "Maximum of 60 s",
    by: "the metric",
    is: ">= 1",
    when: "1 of 1",
  },
  "key-overdue": daily([
    ...every("KeyActionsNeeded", ["token-rotation"], ["no_next_key_staged", "rotation_stuck"]),
    "KeyActionsNeeded key-rotation no_next_key",
  ]),
  "key-rotation-failed": daily([
    ...every("KeyActionsNeeded", ["key-rotation"]).filter((name) => !name.endsWith(" no_next_key")),
    ...every("KeyActionsNeeded", ["token-rotation"], ["secret_not_ready", "issuer_failed"]),
  ]),
  "rotation-off": daily(["KeyActionsNeeded token-rotation rotation_off"]),
  "refresh-token-ends": { ...hourly(["RefreshTokensEnding token-rotation ok schedule"]), by: "the metric" },
  "api-open": summed(["Probes prober open prober"], 300, ">= 1", "1 of 1"),
  "probe-failed": { ...summed(["Probes prober ok prober"], 60, "< 1", "15 of 15"), missing: "breaching" },
};

/** The meaning of an alarm in the template. Anything unknown is returned unchanged. */
function meaningOf(alarm: Resource): Meaning {
  const { Properties } = alarm;
  const monitored = metricsOfAlarm(alarm, synthesised);
  const expressions: { Id: string; Expression?: string; MetricStat?: object }[] = Properties.Metrics ?? [];
  const ids = expressions.filter(({ MetricStat }) => MetricStat).map(({ Id }) => Id);
  const band = expressions.find(({ Id }) => Id === Properties.ThresholdMetricId);
  const value = expressions.find((each) => each.Expression && each !== band);
  const isLess = (id: string | undefined) => value?.Expression?.includes(`-1 * FILL(${id}, 0)`) ?? false;
  const parts = ids.map((id) => `${isLess(id) ? "-1 * " : ""}FILL(${id}, 0)`);
  const expressionsOf: Record<string, Meaning["by"]> = {
    [`SUM([${parts.join(", ")}])`]: "the sum, absent is 0",
    [`FILL(${ids[0]}, 0)`]: "the metric, absent is 0",
  };
  const signs: Record<string, string> = { GreaterThanOrEqualToThreshold: ">=", LessThanThreshold: "<" };
  const deviations = new RegExp(`^ANOMALY_DETECTION_BAND\\(${value?.Id}, (\\d+)\\)$`).exec(band?.Expression ?? "")?.[1];
  const isOutside = Properties.ComparisonOperator === "LessThanLowerOrGreaterThanUpperThreshold";
  return {
    metrics: monitored.map(({ name, dimensions }, index) => {
      const { service, code, source } = dimensions;
      const less = isLess(ids[index]) ? "less " : "";
      if (service === undefined) return `${less}${name} ${Object.values(dimensions).map(nameOf).join(" ")}`;
      return less + nameOfMetric(name, service, code ?? "", source ?? "");
    }),
    of: [...new Set(monitored.map(({ statistic, period }) => `${statistic} of ${period} s`))].join(", "),
    by:
      value?.Expression === undefined
        ? "the metric"
        : (expressionsOf[value.Expression] ?? (value.Expression as Meaning["by"])),
    is: isOutside
      ? `outside ${deviations} deviations`
      : `${signs[Properties.ComparisonOperator]} ${Properties.Threshold}`,
    when: `${Properties.DatapointsToAlarm} of ${Properties.EvaluationPeriods}`,
    ...(Properties.TreatMissingData !== "notBreaching" && { missing: Properties.TreatMissingData }),
  };
}

/** The id in a reference to a resource, without its hash. */
const nameOf = (reference: string) => /^\$\{(\w+?)[0-9A-F]{8}[.}]/.exec(reference)?.[1] ?? reference;

const sorted = ({ metrics, ...rest }: Meaning) => ({ metrics: metrics.toSorted(), ...rest });

test.each(Object.entries(meanings))(
  "The alarm %s watches these metrics and starts under this condition",
  (name, meaning) => {
    const alarm = alarms.find(({ Properties }) => Properties.AlarmName === `smart-token-broker-dev-${name}`);

    expect(alarm && sorted(meaningOf(alarm))).toEqual(sorted(meaning));
  },
);

test("No other alarm exists", () => {
  expect(alarms).toHaveLength(Object.keys(meanings).length);
});
