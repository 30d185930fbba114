import { Duration } from "aws-cdk-lib";
import * as cloudwatch from "aws-cdk-lib/aws-cloudwatch";
import type { AlarmSpec } from "./broker-alarm.ts";
import { serving } from "./caller-alarms.ts";
import { type Service, total } from "./broker-metrics.ts";
import type { MonitoredResources } from "./monitored-resources.ts";

const replacing: Service[] = [...serving, "token-rotation"];

/** Alarms about what keeps tokens and keys fresh: they come before a caller notices. */
export function upkeepAlarms({ metrics, settings, deadLetters }: MonitoredResources): AlarmSpec[] {
  const day = Duration.days(1);
  // What is looked at once a day may be looked at a little later tomorrow: no gap, and no all-clear, between the two.
  const daily = { periods: 2, breaching: 1 };
  const refusals = ["credentials_rejected", "connection_not_ready"];
  const keyActions = (service: Service, codes: string[]) =>
    metrics.each("KeyActionsNeeded", { services: [service], codes }).map((metric) => metric.with({ period: day }));
  return [
    {
      name: "no-sweep",
      means: "For three minutes not every schedule has completed a sweep: tokens are not being replaced.",
      first: "see whether the rotation function fails (saved query 'what went wrong') or its schedule is switched off.",
      metric: new cloudwatch.MathExpression({
        // Without it the alarm would look back for the last value there was, and be minutes late.
        expression: "FILL(m0, 0)",
        usingMetrics: {
          m0: metrics.of("SweepsCompleted", { service: "token-rotation", code: "ok", source: "schedule" }),
        },
        label: "completed sweeps",
        period: Duration.minutes(1),
      }),
      threshold: settings.shards,
      below: true,
      periods: 3,
      missingIsBreaching: true,
    },
    {
      name: "refused-credentials",
      means: "Smart Services refuse the API key of a connection, or its secret has no usable value.",
      first:
        "find the connection (`GET /v1/status`, state rejected or not_ready; or saved query 'what went wrong') and put a working key.",
      metric: total(
        [
          ...metrics.each("ReplacementFailures", { services: replacing, codes: refusals }),
          // A secret that never was usable is replaced nowhere: only its callers see it.
          ...metrics.each("Requests", { services: serving, codes: refusals }),
        ],
        "refusals",
        Duration.hours(1),
      ),
      threshold: 1,
      // The broker looks again after an hour at most: until it is mended, one of two hours has a refusal.
      periods: 2,
      breaching: 1,
    },
    {
      name: "replacements-failing",
      means: "Smart Services do not answer, or not as they should, and tokens are not being replaced.",
      first: "see whether one connection fails or all (`GET /v1/status`, state retrying or expired).",
      metric: total(
        metrics.each("ReplacementFailures", {
          services: replacing,
          codes: ["upstream_unavailable", "upstream_malformed"],
        }),
        "failed replacements",
        Duration.minutes(5),
      ),
      threshold: 1,
      // One connection alone is tried every five minutes at the latest: what lasts is in most periods, a hiccup in one.
      periods: 5,
      breaching: 3,
    },
    {
      name: "registration-gone",
      means: "The secret of a connection that was in use is gone: its tokens were erased, and its callers get 404.",
      first: "find the connection (saved query 'what went wrong', `registration_gone`) and restore its secret.",
      metric: total(
        metrics.each("RegistrationsGone", { services: replacing, codes: ["registration_gone"] }),
        "registrations gone",
        Duration.hours(1),
      ),
      threshold: 1,
      // It is noticed once, and then never again: so long it can be seen.
      periods: 2,
      breaching: 1,
    },
    {
      name: "commits-not-written",
      means: "A new token was got and handed out, but the table did not take it: the next replacement starts anew.",
      first: "see whether DynamoDB takes writes (throttles, the key's policy, the function's role).",
      metric: total(
        metrics.each("CommitsNotWritten", { services: replacing, codes: ["commit_not_written"] }),
        "commits not written",
      ),
      threshold: 1,
      periods: 5,
      breaching: 1,
    },
    {
      name: "store-unavailable",
      means: "The table or the secret store does not answer, or refuses the broker's role.",
      first: "read AWS's own reason in the log (saved query 'what went wrong').",
      metric: total(
        [
          ...metrics.each("StoreUnavailable", {
            services: replacing,
            codes: ["table_unavailable", "secrets_unavailable"],
          }),
          metrics.of("StoreUnavailable", { service: "status", code: "table_unavailable", source: "none" }),
          metrics.of("StoreUnavailable", { service: "key-rotation", code: "secrets_unavailable", source: "none" }),
        ],
        "unanswered calls",
        Duration.minutes(5),
      ),
      threshold: 3,
      periods: 2,
      breaching: 1,
    },
    {
      name: "dead-letters",
      means: "An invocation of the rotation function failed as a whole, or could not be started.",
      first: "look at the newest failure of the rotation function; once it is mended, purge the queue.",
      metric: deadLetters.metricApproximateNumberOfMessagesVisible({
        statistic: cloudwatch.Stats.MAXIMUM,
        period: Duration.minutes(1),
      }),
      threshold: 1,
    },
    {
      name: "key-overdue",
      means: "An API key is due for rotation, or soon will be, and there is no next one; or a rotation is stuck.",
      first: "find the connection (saved query 'what went wrong', `api_key_action_needed`) and stage its next key.",
      metric: total(
        [
          ...keyActions("token-rotation", ["no_next_key_staged", "rotation_stuck"]),
          ...keyActions("key-rotation", ["no_next_key"]),
        ],
        "keys without a successor",
        day,
      ),
      threshold: 1,
      ...daily,
    },
    {
      name: "key-rotation-failed",
      means:
        "A connection's next API key could not be taken into use, its secret is not usable, or an old key not revoked.",
      first: "read the reason (saved query 'what went wrong', `api_key_action_needed`).",
      metric: total(
        [
          ...keyActions("key-rotation", [
            "next_key_malformed",
            "next_key_refused",
            "next_key_of_another_scope",
            "superseded",
            "issuer_failed",
            "upstream_unavailable",
          ]),
          ...keyActions("token-rotation", ["secret_not_ready", "issuer_failed"]),
        ],
        "failed rotations",
        day,
      ),
      threshold: 1,
      ...daily,
    },
    {
      name: "rotation-off",
      means: "Rotation is not switched on for the secret of a connection, though this deployment rotates keys.",
      first: "find the connection (saved query 'what went wrong', `rotation_off`) and switch rotation on.",
      metric: total(keyActions("token-rotation", ["rotation_off"]), "secrets without rotation", day),
      threshold: 1,
      ...daily,
    },
    {
      name: "refresh-token-ends",
      means: "A refresh token is within two days of its end, and the exchange that should replace it fails.",
      first: "find the connection (saved query 'what went wrong', `replacement_failed`), and mend what it fails with.",
      metric: metrics.of(
        "RefreshTokensEnding",
        { service: "token-rotation", code: "ok", source: "schedule" },
        { period: Duration.hours(1) },
      ),
      threshold: 1,
      // As for refused credentials: it is seen at each attempt, and those are an hour apart at most.
      periods: 2,
      breaching: 1,
    },
  ];
}
