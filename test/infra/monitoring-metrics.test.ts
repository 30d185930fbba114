import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { problems } from "../../functions/auth-core/http/problems.ts";
import { metricDefinitions, type MetricName, metricNamespace, originsOf } from "../../functions/auth-core/metrics.ts";
import { metricKey, metricsIn } from "./monitoring-emitted.ts";
import { runEverything } from "./monitoring-run.ts";
import { metricsOfAlarm, metricsOfWidget, type Referred, widgetsOf } from "./monitoring-template.ts";
import { synthesise } from "./synth.ts";

const synthesised = synthesise({ prober: { connection: "webapicorso" } });
const { ofType, render } = synthesised;
const alarms = ofType("AWS::CloudWatch::Alarm");
const widgets = widgetsOf(synthesised);

let run: Awaited<ReturnType<typeof runEverything>>;
beforeAll(async () => {
  run = await runEverything("dev");
});
afterAll(() => run?.close());

/** The lines and metrics that the functions have printed so far. */
const printed = () => metricsIn(run.printed);
const document = (name: string) => readFileSync(join(import.meta.dirname, "../../docs", name), "utf8");
/** The codes of a metric that a service emitted. */
const codesOf = (name: string, service: string) =>
  [...printed().metrics].flatMap(
    (key) => new RegExp(`^SmartTokenBroker ${name} code=(\\S+) service=${service} `).exec(key)?.[1] ?? [],
  );

/** Metrics that AWS emits, by the documentation of each service, and the resource that their dimension names. */
const ofAws: Record<string, { names: string[]; dimension: string; type: string }> = {
  "AWS/ApiGateway": { names: ["Count", "4xx", "5xx", "Latency"], dimension: "ApiId", type: "AWS::ApiGatewayV2::Api" },
  "AWS/Lambda": {
    names: ["Errors", "Throttles", "ConcurrentExecutions"],
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

/** Keys of metrics that neither the functions nor AWS emit. */
function idle(referred: Referred[]): string[] {
  const { metrics } = printed();
  return referred
    .filter(({ namespace, name, dimensions, key }) => {
      const aws = ofAws[namespace];
      if (!aws) return !metrics.has(key);
      const resources = ofType(aws.type).flatMap(({ id }) => [`\${${id}}`, `\${${id}.${aws.dimension}}`]);
      const named = Object.entries(dimensions);
      return !aws.names.includes(name) || named.length !== 1 || !resources.includes(dimensions[aws.dimension] ?? "");
    })
    .map(({ key }) => key);
}

/** Polls, because output arrives after the response. */
const noneIdle = (referred: Referred[]) => expect.poll(() => idle(referred), { timeout: 10_000 }).toEqual([]);

test.each(alarms)("The alarm $Properties.AlarmName watches metrics that are really emitted", async (alarm) => {
  const monitored = metricsOfAlarm(alarm, synthesised);

  expect(monitored).not.toHaveLength(0);
  await noneIdle(monitored);
});

test.each(widgets.filter(({ properties }) => properties.metrics))(
  "The graph $properties.title shows metrics that are really emitted",
  async (widget) => {
    const shown = metricsOfWidget(widget);

    expect(shown).not.toHaveLength(0);
    await noneIdle(shown);
  },
);

test("The check finds a metric with a wrong name, code or dimension", () => {
  const dimensions = { service: "token", stage: "dev", code: "ok", source: "memory" };
  const referred = (name: string, more: object) => {
    const all: Record<string, string> = { ...dimensions, ...more };
    const key = `SmartTokenBroker ${name} ${Object.entries(all)
      .map(([at, value]) => `${at}=${value}`)
      .toSorted()
      .join(" ")}`;
    return { namespace: "SmartTokenBroker", name, dimensions: all, period: 60, key };
  };

  expect(idle([referred("Requests", {})])).toEqual([]);
  expect(
    idle([referred("Request", {}), referred("Requests", { code: "okay" }), referred("Requests", { connection: "a" })]),
  ).toHaveLength(3);
});

test("Every metric has exactly the dimensions service, stage, code and source", () => {
  const { metrics } = printed();

  expect(metrics.size).toBeGreaterThan(50);
  for (const key of metrics) expect(key).toMatch(/^SmartTokenBroker \w+ code=\S+ service=\S+ source=\S+ stage=dev$/);
});

test("Every emitted metric is in the catalogue with its dimensions", () => {
  const known = (Object.keys(metricDefinitions) as MetricName[]).flatMap((name) =>
    originsOf(name).map((origin) => metricKey(metricNamespace, name, { ...origin, stage: "dev" })),
  );

  expect([...printed().metrics].filter((key) => !known.includes(key))).toEqual([]);
});

test("The run emits every error code, and every reason of docs/events.md", async () => {
  const [, table = ""] = document("events.md").split("| `reason` | what to do |");
  const reasons = [...table.matchAll(/^\| `(\w+)` \|/gm)].map(([, reason = ""]) => reason);
  const emitted = () => ["token-rotation", "key-rotation"].flatMap((service) => codesOf("KeyActionsNeeded", service));

  expect(reasons.length).toBeGreaterThan(10);
  await expect.poll(() => [...new Set(emitted())].toSorted(), { timeout: 10_000 }).toEqual(reasons.toSorted());
  for (const service of ["token", "oauth"]) {
    expect(codesOf("Requests", service)).toEqual(expect.arrayContaining(Object.keys(problems)));
  }
});

test("An alarm watches every reason for which a key needs an operator", () => {
  const monitored = new Set(alarms.flatMap((alarm) => metricsOfAlarm(alarm, synthesised).map(({ key }) => key)));
  const needed = [...printed().metrics].filter((key) => key.startsWith("SmartTokenBroker KeyActionsNeeded "));

  expect(needed).not.toHaveLength(0);
  expect(needed.filter((key) => !monitored.has(key))).toEqual([]);
});

test("docs/cost.md has the right numbers of emitted metrics, alarms and their metrics", async () => {
  const cost = document("cost.md");
  const count = (isProber: boolean) =>
    [...printed().metrics].filter((key) => key.includes(" service=prober ") === isProber).length;
  const documented = (pattern: RegExp) => Number(pattern.exec(cost)?.[1]);
  const always = alarms.filter(({ Properties }) => !/-(probe-failed|api-open)$/.test(Properties.AlarmName));
  const monitored = always.flatMap((alarm) => metricsOfAlarm(alarm, synthesised)).length;
  const bands = always.filter(({ Properties }) => Properties.ThresholdMetricId !== undefined).length;

  await expect
    .poll(() => count(false), { timeout: 10_000 })
    .toBe(documented(/\| at most (\d+), of which those of errors/));
  await expect.poll(() => count(true), { timeout: 10_000 }).toBe(documented(/two alarms and up to (\d+) metrics more/));
  expect(cost).toContain(`| alarms: ${always.length}, of ${monitored} metrics in all,`);
  expect(cost).toContain(`| ${monitored + 2 * bands} × \`p_alarm\` |`);
});

test("The dashboard shows every alarm and both rules of Contributor Insights", () => {
  const rules = ofType("AWS::CloudWatch::InsightRule").map(({ Properties }) => String(Properties.RuleName));
  const shownRules = widgets.flatMap(({ properties }) => properties.insightRule?.ruleName ?? []);
  const shownAlarms = widgets.flatMap(({ properties }) => properties.alarms ?? []);

  expect(shownRules.toSorted()).toEqual(rules.toSorted());
  expect(shownAlarms.toSorted()).toEqual(alarms.map(({ id }) => `\${${id}.Arn}`).toSorted());
  expect(rules).toHaveLength(2);
});

test("The rules of Contributor Insights count request lines by fields that these lines have", () => {
  const groups = ["Token", "OAuth"].map(
    (id) => `\${${ofType("AWS::Logs::LogGroup").find((each) => each.id.startsWith(id))?.id}}`,
  );
  const line = printed().lines.find(({ message, code }) => message === "request" && code === "ok");

  for (const { Properties } of ofType("AWS::CloudWatch::InsightRule")) {
    const { LogGroupNames, Contribution } = JSON.parse(render(Properties.RuleBody));
    expect(LogGroupNames.toSorted()).toEqual(groups.toSorted());
    expect(Contribution.Filters).toEqual([{ Match: "$.message", In: [line?.["message"]] }]);
    for (const key of Contribution.Keys as string[]) expect(line).toHaveProperty(key.replace("$.", ""));
  }
});

test("The saved query 'who had this token' uses fields that a request line has", () => {
  const query = ofType("AWS::Logs::QueryDefinition").find(({ Properties }) =>
    /who had this token/.test(Properties.Name),
  );
  const text: string = query?.Properties.QueryString;
  const line = printed().lines.find(({ message, code }) => message === "request" && code === "ok");
  const fields = /^fields (.*)$/m.exec(text)?.[1]?.split(", ") ?? [];

  expect(text).toMatch(/tokenFingerprint = "[0-9a-f]{16}"/);
  expect(line?.["tokenFingerprint"]).toMatch(/^[0-9a-f]{16}$/);
  expect(fields).toContain("callerRole");
  for (const field of fields.filter((name) => name !== "@timestamp")) expect(line).toHaveProperty(field);
});
