import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { callFailures } from "../../functions/auth-core/rules/call-failures.ts";
import { failureCatalogue } from "../../functions/auth-core/rules/failure-catalogue.ts";
import { metricsOfAlarm } from "./monitoring-template.ts";
import { callsCaller, keyCaller, type Resource, synthesise } from "./synth.ts";

const synthesised = synthesise({
  shards: 3,
  alarmEmail: "ops@example.com",
  prober: { connection: "webapicorso" },
  callers: [keyCaller, callsCaller],
});
const { ofType, render } = synthesised;
const alarms = ofType("AWS::CloudWatch::Alarm");
const [topic] = ofType("AWS::SNS::Topic");

const runbook = readFileSync(join(import.meta.dirname, "../../docs/runbook.md"), "utf8");
const headings = [...runbook.matchAll(/^#+ (.*)$/gm)].map(([, text]) =>
  (text ?? "")
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, "")
    .replaceAll(" ", "-"),
);

describe.each(alarms)("The alarm $Properties.AlarmName", (alarm) => {
  const { Properties } = alarm;

  test("says what happens, what callers notice and what to do first, and names its section of the runbook", () => {
    const description = render(Properties.AlarmDescription);
    const [, text, first, section] = /^(.+) First: (.+) Runbook: (.+)\.$/.exec(description) ?? [];

    expect(text).toMatch(/^[A-Z].{20,}\. [A-Z].{10,}\.$/);
    expect(first?.length).toBeGreaterThan(20);
    expect(Properties.AlarmName).toBe(`smart-token-broker-dev-${section}`);
    expect(headings).toContain(section);
  });

  test("notifies the topic when it starts and when it ends, unless it is silent", () => {
    // Only the dashboard shows this one.
    const isSilent = Properties.AlarmName === "smart-token-broker-dev-unusual-calls";
    const actions = isSilent ? [] : [`\${${topic?.id}}`];

    expect((Properties.AlarmActions ?? []).map(render)).toEqual(actions);
    expect((Properties.OKActions ?? []).map(render)).toEqual(actions);
  });

  test("is within CloudWatch's limits: ten metrics, periods of whole minutes, a week", () => {
    const metrics = metricsOfAlarm(alarm, synthesised);

    expect(metrics.length).toBeLessThanOrEqual(10);
    for (const { period = 0 } of metrics) {
      expect(period % 60).toBe(0);
      expect(period).toBeGreaterThan(0);
      expect(period * Properties.EvaluationPeriods).toBeLessThanOrEqual(7 * 86_400);
    }
  });
});

test("Each command of broker in a description names stage and region: without them, it would read another deployment", () => {
  const commands = alarms.flatMap(
    ({ Properties }) => render(Properties.AlarmDescription).match(/`npx broker [^`]+`/g) ?? [],
  );

  expect([...new Set(commands)]).toEqual(["`npx broker status --stage dev --region ${AWS::Region}`"]);
});

describe("The topic of the alarms", () => {
  const statements = (policy: Resource | undefined, name: string) =>
    policy?.Properties[name].Statement as {
      Effect: string;
      Action: string | string[];
      Principal: unknown;
      Condition?: unknown;
    }[];
  const fromHere = { StringEquals: { "aws:SourceAccount": { Ref: "AWS::AccountId" } } };

  test("is encrypted with its own key, which CloudWatch may use", () => {
    const key = ofType("AWS::KMS::Key").find(({ id }) => render(topic?.Properties.KmsMasterKeyId) === `\${${id}.Arn}`);

    expect(key?.stack).toBe("Monitoring");
    expect(statements(key, "KeyPolicy")).toContainEqual({
      Effect: "Allow",
      Action: ["kms:Decrypt", "kms:GenerateDataKey*"],
      Principal: { Service: "cloudwatch.amazonaws.com" },
      Resource: "*",
      Condition: fromHere,
    });
  });

  test("allows the alarms of this account to publish", () => {
    const policy = statements(ofType("AWS::SNS::TopicPolicy")[0], "PolicyDocument");

    expect(policy).toContainEqual(
      expect.objectContaining({
        Effect: "Allow",
        Action: "sns:Publish",
        Principal: { Service: "cloudwatch.amazonaws.com" },
        Condition: fromHere,
      }),
    );
  });

  test("sends e-mail to the address of the setting, and to no one without it", () => {
    expect(
      ofType("AWS::SNS::Subscription").map(({ Properties }) => [Properties.Protocol, Properties.Endpoint]),
    ).toEqual([["email", "ops@example.com"]]);
    expect(synthesise({ callers: [keyCaller] }).ofType("AWS::SNS::Subscription")).toEqual([]);
  });
});

describe("The prober", () => {
  const probes = ofType("AWS::Scheduler::Schedule").find(({ stack }) => stack === "Monitoring");

  test("is invoked every five minutes with the public URL of its connection's token", () => {
    expect(probes?.Properties.ScheduleExpression).toBe("rate(5 minutes)");
    expect(probes?.Properties.State ?? "ENABLED").toBe("ENABLED");
    expect(JSON.parse(render(probes?.Properties.Target.Input))).toEqual({
      url: expect.stringMatching(/^https:\/\/\$\{Api\w+\}\.execute-api\..*\/v1\/connections\/webapicorso\/token$/),
      connection: "webapicorso",
      region: "${AWS::Region}",
    });
  });

  test("may only request this token, besides its log", () => {
    const policies = ofType("AWS::IAM::Policy").filter(
      ({ stack, id }) => stack === "Monitoring" && id.startsWith("ProberRole"),
    );
    const granted = policies.flatMap(({ Properties }) => Properties.PolicyDocument.Statement);
    const others = granted.filter(({ Action }) => ![Action].flat()[0].startsWith("logs:"));

    expect(others.map(({ Action, Resource }) => [Action, render(Resource)])).toEqual([
      ["execute-api:Invoke", expect.stringMatching(/\/\$default\/GET\/v1\/connections\/webapicorso\/token$/)],
    ]);
  });

  test("is deployed only if the setting names a connection", () => {
    const without = synthesise({ callers: [keyCaller, callsCaller] });

    expect(without.ofType("AWS::Lambda::Function").filter(({ stack }) => stack === "Monitoring")).toEqual([]);
    expect(without.ofType("AWS::CloudWatch::Alarm")).toHaveLength(alarms.length - 2);
  });
});

test("The runbook's command that enables a schedule keeps every property that the stacks set", () => {
  const [, named = ""] = /aws scheduler get-schedule [^]*?--query '\{(.*?)\}'/.exec(runbook) ?? [];
  const kept = named.split(", ").map((field) => field.split(":")[0] ?? "");
  const set = ofType("AWS::Scheduler::Schedule").map(({ Properties }) => Object.keys(Properties).toSorted());

  expect(set).toHaveLength(4);
  for (const properties of set) expect([...properties, "Name"].toSorted()).toEqual(kept.toSorted());
});

test("The saved query 'what went wrong' has the fields and the filter of the runbook's command wrong", () => {
  const queries = ofType("AWS::Logs::QueryDefinition").map(({ Properties }) => Properties);
  const saved: string = queries.find(({ Name }) => Name.endsWith("what went wrong"))?.QueryString ?? "";
  const stages = (query: string) => query.split("|").map((stage) => stage.replaceAll(/\s+/g, " ").trim());

  const [, command = ""] = /^wrong\(\) \{\n.*?"(fields [^"]*)"/ms.exec(runbook) ?? [];
  expect(stages(saved.replaceAll('"', "'")).slice(0, 2)).toEqual(stages(command).slice(0, 2));
  expect(saved).toContain("or type like /^platform/");
});

test.each(Object.entries({ ...failureCatalogue, ...callFailures }))(
  "The runbook has a section for the code %s, with its HTTP status",
  (code, { status }) => {
    expect(runbook).toMatch(new RegExp(`^## ${code}\\n\\n- \\*\\*Meaning\\*\\* ${status}\\b`, "m"));
  },
);
