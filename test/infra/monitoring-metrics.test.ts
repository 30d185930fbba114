import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { originsOf } from "../../functions/auth-core/metrics.ts";
import { BrokerMetrics } from "../../infra/constructs/broker-metrics.ts";
import {
  catalogue,
  metricKey,
  metricsOfAlarm,
  metricsOfWidget,
  type Referred,
  widgetsOf,
} from "./monitoring-template.ts";
import { callsCaller, keyCaller, synthesise } from "./synth.ts";

const synthesised = synthesise({ prober: { connection: "webapicorso" }, callers: [keyCaller, callsCaller] });
const { ofType } = synthesised;
const alarms = ofType("AWS::CloudWatch::Alarm");
const widgets = widgetsOf(synthesised);
const document = (name: string) => readFileSync(join(import.meta.dirname, "../../docs", name), "utf8");

interface MetricTransformation {
  MetricNamespace: string;
  MetricName: string;
  Dimensions: { Key: string; Value: string }[];
}

/** A line of the access log, with the variables of API Gateway. */
const logged: Record<string, string> = JSON.parse(
  ofType("AWS::ApiGatewayV2::Stage")[0]?.Properties.AccessLogSettings.Format,
);

/** Metrics that AWS emits, by the documentation of each service, and the resource that their dimension names. */
const ofAws: Record<string, { names: string[]; dimension: string; type: string }> = {
  "AWS/ApiGateway": { names: ["Count", "4xx", "5xx", "Latency"], dimension: "ApiId", type: "AWS::ApiGatewayV2::Api" },
  "AWS/Lambda": {
    names: ["Errors", "Throttles", "ConcurrentExecutions", "Invocations"],
    dimension: "FunctionName",
    type: "AWS::Lambda::Function",
  },
  "AWS/DynamoDB": {
    names: ["ReadThrottleEvents", "WriteThrottleEvents"],
    dimension: "TableName",
    type: "AWS::DynamoDB::Table",
  },
  "AWS/SQS": { names: ["ApproximateNumberOfMessagesVisible"], dimension: "QueueName", type: "AWS::SQS::Queue" },
};

/** Metrics that the metric filters of log groups make. A dimension is a field of the access log, which has the stage. */
const filtered = new Set(
  ofType("AWS::Logs::MetricFilter").flatMap(({ Properties }) =>
    (Properties.MetricTransformations as MetricTransformation[]).map(({ MetricNamespace, MetricName, Dimensions }) => {
      const dimensions = Dimensions.map(({ Key, Value }): [string, unknown] => [Key, logged[Value.replace("$.", "")]]);
      return metricKey(MetricNamespace, MetricName, Object.fromEntries(dimensions));
    }),
  ),
);

/** Whether the functions, a metric filter or AWS emit a metric. */
function isEmitted({ namespace, name, dimensions, key }: Referred): boolean {
  const aws = ofAws[namespace];
  if (!aws) return catalogue("dev").has(key) || filtered.has(key);
  const resources = ofType(aws.type).flatMap(({ id }) => [`\${${id}}`, `\${${id}.${aws.dimension}}`]);
  const [value, ...others] = Object.values(dimensions);
  return (
    aws.names.includes(name) &&
    others.length === 0 &&
    value === dimensions[aws.dimension] &&
    resources.includes(value ?? "")
  );
}

test.each([
  ...alarms.map((alarm) => [`alarm ${alarm.Properties.AlarmName}`, metricsOfAlarm(alarm, synthesised)] as const),
  ...widgets
    .filter(({ properties }) => properties.metrics)
    .map((widget) => [`graph ${widget.properties.title}`, metricsOfWidget(widget)] as const),
])("The %s uses metrics that the functions or AWS emit", (_, referred) => {
  expect(referred).not.toHaveLength(0);
  expect(referred.filter((metric) => !isEmitted(metric))).toEqual([]);
});

test("BrokerMetrics rejects dimensions that no function emits", () => {
  const metrics = new BrokerMetrics("dev", {});

  expect(() => metrics.all("Requests", { codes: ["ok", "okay"] })).toThrow(
    "No function emits the metric Requests with okay",
  );
  expect(() => metrics.all("Remaining", { services: ["status"] })).toThrow("Remaining with status");
  expect(() => metrics.one("Requests")).toThrow("narrower filter");
});

test("An alarm watches every reason for which a key needs an operator, and docs/events.md lists it", () => {
  const watched = new Set(alarms.flatMap((alarm) => metricsOfAlarm(alarm, synthesised).map(({ key }) => key)));
  const needed = [...catalogue("dev")].filter((key) => key.startsWith("SmartTokenBroker KeyActionsNeeded "));
  const [, table = ""] = document("events.md").split("| `reason` | what to do |");
  const reasons = [...table.matchAll(/^\| `(\w+)` \|/gm)].map(([, reason]) => reason);

  expect(needed.filter((key) => !watched.has(key))).toEqual([]);
  expect(reasons.length).toBeGreaterThan(10);
  expect(new Set(originsOf("KeyActionsNeeded").map(({ code }) => code))).toEqual(new Set(reasons));
});

test("The dashboard shows every alarm and every rule of Contributor Insights", () => {
  const rules = ofType("AWS::CloudWatch::InsightRule").map(({ Properties }) => String(Properties.RuleName));
  const shownRules = widgets.flatMap(({ properties }) => properties.insightRule?.ruleName ?? []);
  const shownAlarms = widgets.flatMap(({ properties }) => properties.alarms ?? []);

  expect(shownRules.toSorted()).toEqual(rules.toSorted());
  expect(shownAlarms.toSorted()).toEqual(alarms.map(({ id }) => `\${${id}.Arn}`).toSorted());
  expect(rules).toHaveLength(3);
});
