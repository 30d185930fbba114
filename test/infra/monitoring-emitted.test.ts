import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Service } from "../../functions/auth-core/metrics.ts";
import { searcherFor, secretsOf, sinksOf } from "./canaries.ts";
import { runEverything } from "./monitoring-run.ts";
import { catalogue, metricKey } from "./monitoring-template.ts";
import { callsCaller, keyCaller, synthesise } from "./synth.ts";

type Line = Record<string, unknown> & {
  _aws?: { CloudWatchMetrics: { Namespace: string; Dimensions: string[][]; Metrics: { Name: string }[] }[] };
};

const { ofType, render } = synthesise({ callers: [keyCaller, callsCaller] });
let run: Awaited<ReturnType<typeof runEverything>>;
beforeAll(async () => {
  run = await runEverything("dev");
});
afterAll(() => run?.close());

const lines = () => run.output.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as Line);
const requestLine = () =>
  lines().find(({ message, code, source }) => message === "request" && code === "ok" && source !== "none");

/** The metrics of a line in CloudWatch's embedded metric format. */
const metricsOf = (line: Line) =>
  (line["_aws"]?.CloudWatchMetrics ?? []).flatMap(({ Namespace, Dimensions, Metrics }) =>
    Dimensions.flatMap((names) =>
      Metrics.map(({ Name }) =>
        metricKey(Namespace, Name, Object.fromEntries(names.map((name) => [name, line[name]]))),
      ),
    ),
  );

test("The functions emit exactly the metrics and dimensions of the catalogue", async () => {
  const emitted = () => [...new Set(lines().flatMap(metricsOf))].toSorted();

  // A new token has too little time left only if its response took most of its lifetime: no test waits for that.
  // Those of calls are in calls.test.ts: a time-out of the business API takes ten seconds.
  const expected = [...catalogue("dev")].filter(
    (metric) => !/ ValidityMissed .* source=upstream | service=calls /.test(metric),
  );
  // Output arrives after the response.
  await expect.poll(emitted, { timeout: 10_000 }).toEqual(expected.toSorted());
});

/** Actions of the function's own requests, without those of Lambda's runtime and KMS. */
function grantedTo(id: string): Set<string> {
  const statements = ofType("AWS::IAM::Policy")
    .filter(({ Properties }) => Properties.Roles.some((role: unknown) => render(role).startsWith(`\${${id}Role`)))
    .flatMap(({ Properties }) => Properties.PolicyDocument.Statement as { Action: string | string[] }[]);
  return new Set(statements.flatMap(({ Action }) => Action).filter((action) => !/^(logs|kms|sqs):/.test(action)));
}

test.each<[Service, string]>([
  ["token", "Token"],
  ["oauth", "OAuth"],
  ["status", "Status"],
  ["token-rotation", "TokenRotation"],
  ["key-rotation", "KeyRotation"],
])("The role of the %s function allows the actions of its requests, and no other", (name, id) => {
  expect(grantedTo(id)).toEqual(run.actionsOf(name));
});

test("The roles allow events with the source that the functions send, and no other", () => {
  const sources = ofType("AWS::IAM::Policy")
    .flatMap(({ Properties }) => Properties.PolicyDocument.Statement)
    .filter(({ Action }) => [Action].flat().includes("events:PutEvents"))
    .map(({ Condition }) => Condition.StringEquals["events:source"]);

  expect(sources).not.toHaveLength(0);
  expect(new Set(sources)).toEqual(run.eventSources());
});

test("The prober logs code, connection and HTTP status of each probe, and never a token", async () => {
  const probes = lines().filter(({ message }) => message === "probe");
  const { accessToken } = (await run.table.raw("webapicorso")) ?? {};

  expect(probes.map(({ code, connection, status }) => [code, connection, status])).toEqual([
    ["ok", "webapicorso", 200],
    ["refused", "not-allowed", 403],
    ["open", "webapicorso", 200],
    ["not_valid", "webapicorso", 200],
    ["no_answer", "webapicorso", 0],
  ]);
  expect(accessToken?.S).toMatch(/.{10,}/);
  expect(run.output.join("\n")).not.toContain(accessToken?.S);
});

test("The rules of Contributor Insights count request lines by fields that these lines have", () => {
  const rules = ofType("AWS::CloudWatch::InsightRule").map(({ Properties }) => {
    const { LogGroupNames, Contribution } = JSON.parse(render(Properties.RuleBody));
    const groups = (LogGroupNames as string[]).map((each) => /^\$\{(\w+)Logs/.exec(each)?.[1]);
    for (const key of Contribution.Keys as string[]) expect(requestLine()).toHaveProperty(key.replace("$.", ""));
    return [Properties.RuleName, groups, Contribution.Filters];
  });

  const request = { Match: "$.message", In: ["request"] };
  expect(rules).toEqual([
    ["smart-token-broker-dev-callers", ["Token", "OAuth"], [request]],
    ["smart-token-broker-dev-calls", ["Calls"], [request]],
    ["smart-token-broker-dev-calls-4xx", ["Calls"], [request, { Match: "$.code", In: ["api_4xx"] }]],
  ]);
});

test("The saved query 'who had this token' uses fields that a request line has", () => {
  const query = ofType("AWS::Logs::QueryDefinition").find(({ Properties }) =>
    /who had this token/.test(Properties.Name),
  );
  const text: string = query?.Properties.QueryString;
  const fields = /^fields (.*)$/m.exec(text)?.[1]?.split(", ") ?? [];

  expect(text).toMatch(/tokenFingerprint = "[0-9a-f]{16}"/);
  expect(requestLine()?.["tokenFingerprint"]).toMatch(/^[0-9a-f]{16}$/);
  expect(fields).toContain("callerRole");
  for (const field of fields.filter((name) => name !== "@timestamp")) expect(requestLine()).toHaveProperty(field);
});

describe("After requests, sweeps, rotations and probes that succeed and fail,", () => {
  test("there are secrets of every kind to search for", () => {
    const { apiKeys, stored, sent, returned, presented } = secretsOf(run);

    expect(apiKeys).toContainEqual(expect.stringMatching(/^fake-key-rotated-fine-1$/));
    expect(apiKeys).toContainEqual(expect.stringMatching(/^eyJ/));
    expect(stored).toContainEqual(expect.stringMatching(/^fake-refresh-/));
    expect(stored).toContainEqual(expect.stringMatching(/^stbr\.oauth-fine\./));
    expect(sent).toContainEqual(expect.stringMatching(/^fake-refresh-/));
    expect(sent).toContainEqual(expect.stringMatching(/^fake-key-/));
    expect(returned).toContainEqual(expect.stringMatching(/^eyJ/));
    expect(presented.length).toBeGreaterThan(6);
  });

  test("no log line, metric, error, event, response or attribute has a secret, in any encoding", () => {
    const search = searcherFor(Object.values(secretsOf(run)).flat());
    const sinks = Object.entries(sinksOf(run));

    expect(sinks.filter(([, texts]) => texts.length === 0)).toEqual([]);
    expect(sinks.flatMap(([kind, texts]) => search(texts.join("\n")).map((leak) => ({ kind, ...leak })))).toEqual([]);
  });
});
