import { expect, test } from "vitest";
import { metricsOfAlarm } from "./monitoring-template.ts";
import { type Resource, synthesise } from "./synth.ts";

const synthesised = synthesise({ shards: 3, prober: { connection: "webapicorso" } });
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

const every = (name: string, services: string[], codes: string[], sources = [""]) =>
  services.flatMap((service) =>
    codes.flatMap((code) => sources.map((source) => `${name} ${service} ${code} ${source}`.trim())),
  );
const serving = ["token", "oauth"];
const replacing = [...serving, "token-rotation"];
const sources = ["memory", "table", "upstream"];
const sum = "the sum, absent is 0" as const;
const anyOfFiveMinutes = { of: "Sum of 60 s", by: sum, is: ">= 1", when: "1 of 5" };
const outside = { of: "Sum of 300 s", by: sum, is: "outside 4 deviations", when: "3 of 3" };
const daily = { of: "Sum of 86400 s", by: sum, is: ">= 1", when: "1 of 2" };

const meanings: Record<string, Meaning> = {
  "validity-objective": { metrics: every("ValidityMissed", serving, ["ok"], sources), ...anyOfFiveMinutes },
  errors: {
    metrics: every("Requests", serving, ["upstream_unavailable", "upstream_malformed", "unavailable"]),
    of: "Sum of 300 s",
    by: sum,
    is: ">= 5",
    when: "1 of 2",
  },
  "internal-errors": {
    metrics: [
      ...every("Bugs", ["token", "oauth", "status", "token-rotation"], ["internal"]),
      ...["Token", "OAuth", "Status", "TokenRotation", "KeyRotation"].map((name) => `Errors ${name}Function`),
      // The key-rotation function throws if an operator must act.
      "less StepsFailed key-rotation failed",
    ],
    ...anyOfFiveMinutes,
  },
  throttles: {
    metrics: [
      ...["Token", "OAuth", "Status", "TokenRotation", "KeyRotation"].map((name) => `Throttles ${name}Function`),
      "ReadThrottleEvents Table",
      "WriteThrottleEvents Table",
    ],
    ...anyOfFiveMinutes,
  },
  "unusual-requests": { metrics: ["Count Api"], ...outside },
  "unusual-upstream-calls": {
    metrics: [
      ...every("UpstreamCalls", replacing, ["any"], ["api_key", "refresh_token"]),
      "UpstreamCalls key-rotation any api_key",
    ],
    ...outside,
  },
  "no-sweep": {
    metrics: ["SweepsCompleted token-rotation ok schedule"],
    of: "Sum of 60 s",
    by: "the metric, absent is 0",
    is: "< 3",
    when: "3 of 3",
    missing: "breaching",
  },
  "rejected-credentials": {
    metrics: [
      ...every("ReplacementFailures", replacing, ["credentials_rejected", "connection_not_ready"]),
      ...every("Requests", serving, ["credentials_rejected", "connection_not_ready"]),
    ],
    of: "Sum of 3600 s",
    by: sum,
    is: ">= 1",
    when: "1 of 2",
  },
  "replacements-failing": {
    metrics: every("ReplacementFailures", replacing, ["upstream_unavailable", "upstream_malformed"]),
    of: "Sum of 300 s",
    by: sum,
    is: ">= 1",
    when: "3 of 5",
  },
  "registration-gone": {
    metrics: every("RegistrationsGone", replacing, ["registration_gone"]),
    of: "Sum of 3600 s",
    by: sum,
    is: ">= 1",
    when: "1 of 2",
  },
  "commits-not-written": {
    metrics: every("CommitsNotWritten", replacing, ["commit_not_written"]),
    ...anyOfFiveMinutes,
  },
  "store-unavailable": {
    metrics: [
      ...every("StoreUnavailable", replacing, ["table_unavailable", "secrets_unavailable"]),
      "StoreUnavailable status table_unavailable",
      "StoreUnavailable key-rotation secrets_unavailable",
    ],
    of: "Sum of 300 s",
    by: sum,
    is: ">= 3",
    when: "1 of 2",
  },
  "dead-letters": {
    metrics: ["ApproximateNumberOfMessagesVisible DeadLetters"],
    of: "Maximum of 60 s",
    by: "the metric",
    is: ">= 1",
    when: "1 of 1",
  },
  "key-overdue": {
    metrics: [
      ...every("KeyActionsNeeded", ["token-rotation"], ["no_next_key_staged", "rotation_stuck"]),
      "KeyActionsNeeded key-rotation no_next_key",
    ],
    ...daily,
  },
  "key-rotation-failed": {
    metrics: [
      ...every(
        "KeyActionsNeeded",
        ["key-rotation"],
        [
          "next_key_malformed",
          "next_key_refused",
          "next_key_of_another_scope",
          "superseded",
          "issuer_failed",
          "upstream_unavailable",
        ],
      ),
      ...every("KeyActionsNeeded", ["token-rotation"], ["secret_not_ready", "issuer_failed"]),
    ],
    ...daily,
  },
  "rotation-off": { metrics: ["KeyActionsNeeded token-rotation rotation_off"], ...daily },
  "refresh-token-ends": {
    metrics: ["RefreshTokensEnding token-rotation ok schedule"],
    of: "Sum of 3600 s",
    by: "the metric",
    is: ">= 1",
    when: "1 of 2",
  },
  "api-open": {
    metrics: ["Probes prober open prober"],
    of: "Sum of 300 s",
    by: sum,
    is: ">= 1",
    when: "1 of 1",
  },
  "probe-failed": {
    metrics: ["Probes prober ok prober"],
    of: "Sum of 60 s",
    by: sum,
    is: "< 1",
    when: "15 of 15",
    missing: "breaching",
  },
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
      return [less + name, service, code, ...(source === "none" ? [] : [source])].join(" ");
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
