import { Duration } from "aws-cdk-lib";
import * as cloudwatch from "aws-cdk-lib/aws-cloudwatch";
import { type AlarmSpec, rejections } from "./broker-alarm.ts";
import { reasonsOf } from "@smart-token-broker/auth-core/rules/keys/key-action.ts";
import { replacing, serving, total } from "./broker-metrics.ts";
import type { MonitoredResources } from "./monitored-resources.ts";

/** Alarms about the replacement of tokens and the rotation of keys. Most come before a caller notices. */
export function upkeepAlarms({ metrics, settings, statusCommand, deadLettersName }: MonitoredResources): AlarmSpec[] {
  const day = Duration.days(1);
  // A daily check can be a little later tomorrow. Two periods avoid a false all-clear between the two.
  const daily = { periods: 2, breaching: 1 };
  const keyActions = (alarm: Parameters<typeof reasonsOf>[0]["alarm"]) =>
    (["key-rotation", "token-rotation"] as const).flatMap((by) => {
      const codes = reasonsOf({ by, alarm });
      return codes.length > 0 ? metrics.all("KeyActionsNeeded", { services: [by], codes }, { period: day }) : [];
    });
  return [
    {
      name: "no-sweep",
      happens: "For three minutes not every schedule has completed a sweep, so tokens are not replaced ahead of time.",
      callers: "Callers with a stored token are served.",
      first:
        "check whether the token-rotation function fails (saved query 'what went wrong') or its schedule is disabled.",
      metric: new cloudwatch.MathExpression({
        // Without FILL the alarm would use the last value that exists, and be minutes late.
        expression: "FILL(m0, 0)",
        usingMetrics: {
          m0: metrics.one("SweepsCompleted"),
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
      name: "rejected-credentials",
      happens: "Smart Services rejects the API key of a connection, or its secret has no usable value.",
      callers: "Callers are served until the stored token expires, then receive 502 or 409.",
      first: `find the connection (\`${statusCommand}\`, state rejected or not_ready) and store a valid key.`,
      metric: total(
        [
          // Those of calls have an alarm of their own, calls-failing: an alarm has at most ten metrics.
          ...metrics.all("ReplacementFailures", {
            services: replacing.filter((each) => each !== "calls"),
            codes: rejections,
          }),
          // A connection that never had a usable secret has no replacement. Only its requests fail.
          ...metrics.all("Requests", { services: serving, codes: rejections }),
        ],
        "rejections",
        Duration.hours(1),
      ),
      threshold: 1,
      // The broker retries after an hour at most, so one of two hours has a rejection until it is fixed.
      periods: 2,
      breaching: 1,
    },
    {
      name: "replacements-failing",
      happens: "Replacements fail: Smart Services does not respond, or its response is not recognised.",
      callers: "Callers with a stored token are served.",
      first: `run \`${statusCommand}\`: does one connection fail or all?`,
      metric: total(
        metrics.all("ReplacementFailures", {
          codes: ["upstream_unavailable", "upstream_malformed"],
        }),
        "failed replacements",
        Duration.minutes(5),
      ),
      threshold: 1,
      // A single connection is retried every five minutes at the latest. An outage shows in most periods, a hiccup in one.
      periods: 5,
      breaching: 3,
    },
    {
      name: "registration-gone",
      happens: "The secret of a connection in use was deleted, so the broker deleted its tokens.",
      callers: "Its callers receive 404.",
      first: "find the connection (saved query 'what went wrong', `registration_gone`) and restore its secret.",
      metric: total(metrics.all("RegistrationsGone"), "deleted registrations", Duration.hours(1)),
      threshold: 1,
      // The broker reports it once. Two periods keep the alarm visible for up to two hours.
      periods: 2,
      breaching: 1,
    },
    {
      name: "commits-not-written",
      happens: "A new token was returned to its caller but could not be stored.",
      callers: "Other callers may wait for the next replacement.",
      first: "check whether DynamoDB accepts writes: throttles, the KMS key's policy, the function's role.",
      metric: total(metrics.all("CommitsNotWritten"), "tokens not stored"),
      threshold: 1,
      periods: 5,
      breaching: 1,
    },
    {
      name: "store-unavailable",
      happens: "DynamoDB or Secrets Manager does not respond, or denies access to the broker's role.",
      callers: "Callers are served from memory; the others receive 503.",
      first: "read AWS's reason in the log (saved query 'what went wrong').",
      metric: total(metrics.all("StoreUnavailable"), "failed calls", Duration.minutes(5)),
      threshold: 3,
      periods: 2,
      breaching: 1,
    },
    {
      name: "dead-letters",
      happens: "An invocation of the token-rotation function failed or could not start.",
      callers: "Callers notice nothing: the next sweep does the same work.",
      first: "read the function's newest error. Fix it, then purge the queue.",
      metric: new cloudwatch.Metric({
        namespace: "AWS/SQS",
        metricName: "ApproximateNumberOfMessagesVisible",
        dimensionsMap: { QueueName: deadLettersName },
        statistic: cloudwatch.Stats.MAXIMUM,
        period: Duration.minutes(1),
      }),
      threshold: 1,
    },
    {
      name: "key-overdue",
      happens: "An API key must be rotated within 14 days and no next key is staged, or a rotation is stuck.",
      callers: "Callers notice nothing: the current key works.",
      first: "find the connection (saved query 'what went wrong', `api_key_action_needed`) and stage its next key.",
      metric: total(keyActions("key-overdue"), "keys without a next key", day),
      threshold: 1,
      ...daily,
    },
    {
      name: "key-rotation-failed",
      happens: "A next API key cannot be used, a secret is not usable, or an old key was not revoked.",
      callers: "Callers notice nothing while the current key works.",
      first: "read the reason (saved query 'what went wrong', `api_key_action_needed`).",
      metric: total(keyActions("key-rotation-failed"), "failed rotations", day),
      threshold: 1,
      ...daily,
    },
    {
      name: "rotation-off",
      happens: "Rotation is off for the secret of a connection, although this deployment rotates keys.",
      callers: "Callers notice nothing.",
      first: "find the connection (saved query 'what went wrong', `rotation_off`) and turn rotation on.",
      metric: total(keyActions("rotation-off"), "secrets without rotation", day),
      threshold: 1,
      ...daily,
    },
    {
      name: "refresh-token-ends",
      happens: "A refresh token expires within two days, and the API-key request that should replace it fails.",
      callers: "Callers are served until the stored token expires: with one-hour tokens less than 30 minutes.",
      first: `find the connection (\`${statusCommand}\`) and fix what it fails with.`,
      metric: metrics.one("RefreshTokensEnding", {}, { period: Duration.hours(1) }),
      threshold: 1,
      // As for rejected credentials: each attempt reports it, at most an hour apart.
      periods: 2,
      breaching: 1,
    },
  ];
}
