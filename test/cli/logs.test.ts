import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { describeEntry, describeEvent } from "../../console/describe-entry.ts";
import { filterPattern, isShown, type LogEntry } from "../../console/log-entry.ts";
import { painted } from "../../console/print.ts";
import { cloudWatchLogReader } from "../../cli/logs/read-cloudwatch.ts";
import type { Deployment } from "../../cli/deployment/deployment.ts";
import { awsEnvironment, stacksWith, startAwsStandIn, type StandIn } from "./aws-stand-in.ts";
import { addCommand, broker, expectError, LocalBroker } from "./harness.ts";

const at = Date.parse("2026-11-24T12:00:00Z");
const entry = (fields: object): LogEntry => ({ at, fields: { level: "INFO", ...fields } });
const request = { message: "request", status: 200, code: "ok", source: "memory", connection: "acme" };
const route = "GET /v1/connections/{connection}/token";
const served = entry({ ...request, route, Duration: 1.2, callerRole: "arn:aws:sts::1:assumed-role/orders" });
const call = {
  ...request,
  service: "calls",
  source: "api",
  method: "GET",
  rule: "/api/v1/{scope}/CO/**",
  apiStatus: 200,
  callerRole: "portal",
  user: "0123456789abcdef",
};
const called = entry({ ...call, Duration: 45 });
const notFound = entry({ ...call, code: "api_4xx", status: 404, apiStatus: 404, requestId: "fake-request-3" });
const apiDown = entry({ ...call, code: "api_5xx", status: 503, apiStatus: 503, requestId: "fake-request-4" });
const unmatched = entry({
  ...call,
  code: "call_not_allowed",
  status: 403,
  source: "none",
  rule: undefined,
  apiStatus: undefined,
});
const refused = entry({ ...request, route, code: "upstream_unavailable", status: 503, requestId: "fake-request-1" });
const replaced = entry({ message: "replaced", connection: "acme", source: "refresh_token", generation: 17 });
const reason = "Smart Services is unavailable (HTTP 503).";
const failed = entry({ message: "replacement_failed", level: "WARN", code: "unavailable", reason, failures: 3 });
const rejected = entry({
  message: "connection_rejected",
  connection: "acme",
  reason: "credentials_rejected",
  detail: "Fake.",
  level: "WARN",
});
const bug = entry({
  message: "internal error",
  level: "ERROR",
  error: { name: "TypeError", message: "fake", stack: "at" },
});

/** Lambda's line about an invocation that timed out. */
const timeout = {
  time: "2026-11-24T12:00:00.000Z",
  type: "platform.report",
  record: { requestId: "fake-request-2", status: "timeout", errorType: "fake.Error", metrics: { durationMs: 30_000 } },
};

describe("a line of broker logs", () => {
  beforeAll(() => void vi.stubEnv("TZ", "Asia/Tokyo"));
  afterAll(() => void vi.unstubAllEnvs());

  it.each<[LogEntry, string]>([
    [served, `200    acme  ${route} from memory, 1.2 ms, caller orders`],
    [refused, `503    acme  ${route}: upstream_unavailable, request_id fake-request-1`],
    [
      called,
      "200    acme  call GET /api/v1/{scope}/CO/**, API status 200, 45 ms, caller portal, user 0123456789abcdef",
    ],
    [
      notFound,
      "404    acme  call GET /api/v1/{scope}/CO/**: api_4xx, API status 404, caller portal, user 0123456789abcdef, request_id fake-request-3",
    ],
    [unmatched, "403    acme  call GET: call_not_allowed, caller portal, user 0123456789abcdef, request_id "],
    [
      entry({ ...request, route, code: "invalid_client", status: 401, source: "none", origin: "https://a.test\n" }),
      `401    acme  ${route}: invalid_client, origin https://a.test\\u000a, request_id `,
    ],
    [replaced, "info   acme  replaced by refresh_token, generation 17"],
    [failed, `warn   -  replacement failed, 3 in a row: unavailable. ${reason}`],
    [rejected, "event  acme  connection_rejected, credentials_rejected: Fake."],
    [bug, "error  -  internal error, TypeError: fake"],
  ])("of %j is readable", (line, text) => {
    expect(describeEntry(line, false)).toMatch(/^12:00:00Z {2}/);
    expect(describeEntry(line, false).slice(11)).toBe(`${text}\n`);
  });

  it("of another day has its date, and of another year that too", () => {
    expect(describeEntry(served, false, at + 12 * 3600_000)).toMatch(/^24 Nov, 12:00:00Z {2}200 /);
    expect(describeEntry(served, false, at + 12 * 3600_000 - 1)).toMatch(/^12:00:00Z {2}200 /);
    expect(describeEntry(served, false, at + 60 * 24 * 3600_000)).toMatch(/^24 Nov 2026, 12:00:00Z {2}200 /);
  });

  it("is red for a failure in a terminal", () => {
    expect(describeEntry(refused, true)).toContain(painted("red", "503  "));
  });

  it("of an event says where the next step is", () => {
    expect(describeEvent(rejected, at)).toMatch(/^12:00:00Z {2}acme .*See docs\/runbook\.md#credentials_rejected\n$/);
  });
});

describe("the filter of broker logs", () => {
  const statusPoll = entry({ ...request, route: "GET /v1/status" });
  const unknown = { route: "GET /v1/status/{connection}", code: "unknown_connection", status: 404 };
  const statusOfUnknown = entry({ ...request, ...unknown });
  const statusOutage = entry({ ...request, route: "GET /v1/status", code: "unavailable", status: 503 });
  const noRefresh = entry({ message: "refresh_failed", level: "WARN", reason: "rejected (HTTP 401)" });
  const sweep = entry({ message: "sweep" });
  const all = [
    served,
    called,
    notFound,
    apiDown,
    refused,
    replaced,
    noRefresh,
    failed,
    rejected,
    statusPoll,
    statusOfUnknown,
    statusOutage,
    sweep,
  ];

  it.each([
    [{}, [served, called, notFound, apiDown, refused, replaced, noRefresh, failed, rejected, statusOutage]],
    // One line for one failed attempt, and none for what a caller asked the API in vain.
    [{ errors: true }, [apiDown, refused, failed, statusOutage]],
    [{ connection: "acme" }, [served, called, notFound, apiDown, refused, replaced, rejected, statusOutage]],
    [{ events: true }, [rejected]],
    [{ events: true, connection: "other" }, []],
  ])("%j shows what it names", (filter, shown) => {
    expect(all.filter((line) => isShown(line, filter))).toEqual(shown);
  });

  it("is a pattern of CloudWatch", () => {
    expect(filterPattern({ errors: true, connection: "acme" })).toBe(
      '{ ($.level = "WARN" || $.level = "ERROR" || $.type = "platform.*" || ($.message = "request" && $.code != "ok" && $.code != "api_4xx")) && $.connection = "acme" }',
    );
    expect(filterPattern({ events: true })).toContain('$.message = "connection_recovered"');
  });
});

describe("broker logs of a local run", () => {
  const local = new LocalBroker();
  beforeAll(async () => {
    await local.start();
    const key = await local.issueKey("acme");
    await local.json([...addCommand("acme"), "--rotate-every-days", "0"], key);
    await local.broker(["token", "get", "acme"]);
    const other = await local.issueKey("other");
    await local.json([...addCommand("other"), "--rotate-every-days", "0", "--skip-exchange"], other);
    await local.scenario({ mode: "refused" });
    await local.broker(["token", "get", "other"]);
    await local.scenario({ mode: "ok" });
  });
  afterAll(() => local.remove());

  it("shows requests and replacements", async () => {
    const { status, stdout } = await local.broker(["logs", "--connection", "acme"]);

    expect(status).toBe(0);
    expect(stdout).toMatch(/^[\d:]{8}Z {2}info {3}acme {2}replaced by api_key, generation 1$/m);
    expect(stdout).toMatch(
      /^[\d:]{8}Z {2}200 {4}acme {2}GET \/v1\/connections\/\{connection\}\/token from upstream, /m,
    );
    expect(stdout).not.toContain("other");
  });

  it("shows failures with their cause", async () => {
    const { stdout } = await local.broker(["logs", "--errors"]);

    expect(stdout.match(/ warn .*|connection_rejected/g)).toEqual([
      expect.stringMatching(/other {2}replacement failed, 1 in a row: credentials_rejected\. .*\(HTTP 401\)/),
    ]);
    expect(stdout).toMatch(/ {2}502 {4}other .*: credentials_rejected, .*request_id /);
    expect(stdout).not.toContain("acme");
  });

  it.each([
    ["1h", /^Nothing in the last 1h\. Look further back: npx broker events --connection acme --since 1d --local-url /],
    ["7d", /^Nothing in the last 7d\.\n$/],
  ])("that finds nothing in %s says how to look further back", async (since, said) => {
    expect((await local.broker(["events", "--connection", "acme", "--since", since])).stdout).toMatch(said);
  });

  it("rejects a duration without a unit", async () => {
    expectError(await local.broker(["logs", "--since", "10"]), 2, /--since must be a number and a unit/);
  });

  it("follows until Ctrl-C, with a JSON document on each line", async () => {
    const args = ["cli/broker.ts", "logs", "--follow", "--json", "--connection", "acme", ...local.options];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    let shown = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (shown += text));

    const lines = () => shown.trimEnd().split("\n");
    while (!shown.endsWith("\n")) await once(child.stdout, "data");
    const before = lines().length;
    await local.broker(["token", "get", "acme"]);
    while (lines().length <= before) await once(child.stdout, "data");
    child.kill("SIGINT");
    await once(child, "exit");

    expect(
      lines()
        .map((line) => JSON.parse(line) as object)
        .at(-1),
    ).toMatchObject({ connection: "acme", code: "ok" });
    expect(shown).not.toContain("_aws");
  });
});

describe("broker logs of a deployment", () => {
  const aws: StandIn = {
    stacks: stacksWith("http://127.0.0.1:1", { apiId: "fake", tableName: "fake", keyRotationFunctionArn: "fake" }),
    resources: ["TokenLogs1", "AccessLogs2"].map((LogicalResourceId) => ({
      LogicalResourceId,
      PhysicalResourceId: `/fake/${LogicalResourceId}`,
      ResourceType: "AWS::Logs::LogGroup",
    })),
    logLines: [
      "START RequestId: fake",
      ...[failed, served, refused].map(({ fields }) => JSON.stringify({ ...fields, _aws: {} })),
      JSON.stringify(timeout),
    ],
    logRequests: [],
  };
  let standIn: Awaited<ReturnType<typeof startAwsStandIn>>;
  beforeAll(async () => {
    standIn = await startAwsStandIn(aws);
  });
  afterAll(() => standIn.close());
  const onAws = (args: string[]) =>
    broker(args, {
      env: awsEnvironment(standIn.url),
    });

  it("reads the log groups of the functions, and not the access log", async () => {
    const { stdout } = await onAws(["logs"]);

    expect(new Set(aws.logRequests?.map((sent) => [sent["logGroupName"], sent["filterPattern"]].join(" ")))).toEqual(
      new Set(['/fake/TokenLogs1 { ($.message = "*" || $.type = "platform.*") }']),
    );
    expect(
      stdout
        .trimEnd()
        .split("\n")
        .map((line) => line.slice(11, 16)),
    ).toEqual(["warn ", "200  ", "503  ", "warn "]);
  });

  it("shows a timeout, of which only Lambda has a line", async () => {
    const { stdout } = await onAws(["logs", "--errors"]);

    expect(stdout).toMatch(/ {2}warn {3}- {2}platform\.report, timeout: fake\.Error\n$/);
  });

  it("asks CloudWatch for failures only", async () => {
    const { stdout } = await onAws(["logs", "--errors", "--connection", "acme", "--since", "2h"]);

    expect(aws.logRequests?.at(-1)?.["filterPattern"]).toMatch(/\$\.code != "ok".*\$\.connection = "acme"/);
    expect(stdout).toMatch(/^[\d:]{8}Z {2}503 {4}acme .*\n$/);
  });

  it("repeats no line with --follow, although CloudWatch returns the last minute again", async () => {
    vi.stubEnv("AWS_ENDPOINT_URL", standIn.url);
    const credentials = () => Promise.resolve({ accessKeyId: "FAKE", secretAccessKey: "fake-secret" });
    const reader = await cloudWatchLogReader({ stage: "dev", region: "eu-south-1", credentials } as Deployment, {});
    const read = [await reader.read(Date.now()), await reader.read(Date.now())];
    vi.unstubAllEnvs();

    expect(read.map(({ length }) => length)).toEqual([4, 0]);
  });
});
