import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startAwsStandIn } from "../cli/aws-stand-in.ts";
import { output } from "../local/run-harness.ts";
import { findProgram } from "../support/programs.ts";
import { listen } from "../../fixtures/listen.ts";

const text = readFileSync(join(import.meta.dirname, "..", "..", "docs/runbook.md"), "utf8");
const blocks = [...text.matchAll(/^```sh\n([^]*?)^```/gm)].map(([, block = ""]) => block);
const blockWith = (words: string) => blocks.find((block) => block.includes(words)) ?? "";

const aws = findProgram("aws");
const bash = findProgram("bash");
const shells = ["bash", ...(findProgram("zsh") ? ["zsh"] : [])];

interface Call {
  operation: string;
  input: Record<string, unknown>;
}

const calls: Call[] = [];
let logs: Awaited<ReturnType<typeof listen>>;
let others: Awaited<ReturnType<typeof listen>>;
let changed: Awaited<ReturnType<typeof listen>>;

const row = (fields: Record<string, string>) => Object.entries(fields).map(([field, value]) => ({ field, value }));
const first = { "@timestamp": "2026-11-24 09:17:14.000", code: "invalid_request", detail: "two words" };
const second = { "@timestamp": "2026-11-24 09:17:13.000", message: "internal error", "error.stack": "Error\n    at f" };

/** A schedule as GetSchedule returns it: what the stack set, and what the service adds. */
const ofStack = {
  Name: "sweep-0",
  Description: "fake description",
  ScheduleExpression: "rate(1 minute)",
  FlexibleTimeWindow: { Mode: "OFF" },
  Target: {
    Arn: "arn:aws:lambda:eu-south-1:000000000000:function:fake",
    RoleArn: "arn:aws:iam::000000000000:role/fake",
    Input: '{"shard":0,"shards":1}',
    RetryPolicy: { MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 60 },
    DeadLetterConfig: { Arn: "arn:aws:sqs:eu-south-1:000000000000:fake" },
  },
};
const schedule = {
  ...ofStack,
  Arn: "arn:aws:scheduler:eu-south-1:000000000000:schedule/default/sweep-0",
  GroupName: "default",
  State: "DISABLED",
  ScheduleExpressionTimezone: "UTC",
  ActionAfterCompletion: "NONE",
  CreationDate: 1_800_000_000,
  LastModificationDate: 1_800_000_000.5,
};

/** The operations of CloudWatch Logs that the page uses: two groups, and a query that still runs at the first poll. */
function answerLogs({ operation }: Call): object {
  switch (operation) {
    case "DescribeLogGroups":
      return { logGroups: [{ logGroupName: "fake-group-1" }, { logGroupName: "fake-group-2" }] };
    case "StartQuery":
      return { queryId: "fake-query-1" };
    default: {
      const asked = calls.filter((call) => call.operation === "GetQueryResults").length;
      const results = [first, second].map((fields) => row({ ...fields, "@ptr": "fake-pointer" }));
      return asked === 1 ? { status: "Running", results: [] } : { status: "Complete", results };
    }
  }
}

beforeAll(async () => {
  logs = await listen(
    createServer((request, response) => {
      void json(request).then((input) => {
        const operation = String(request.headers["x-amz-target"]).replace("Logs_20140328.", "");
        calls.push({ operation, input: input as Call["input"] });
        const headers = { "content-type": "application/x-amz-json-1.1" };
        return response.writeHead(200, headers).end(JSON.stringify(answerLogs({ operation, input: {} })));
      });
    }),
  );
  // EventBridge Scheduler, which answers a read, and DynamoDB. They record the requested changes.
  changed = await listen(
    createServer((request, response) => {
      void json(request)
        .catch(() => ({}))
        .then((input) => {
          const [, operation = `${request.method} ${request.url}`] = String(request.headers["x-amz-target"]).split(".");
          calls.push({ operation, input: input as Call["input"] });
          const headers = { "content-type": "application/json" };
          return response.writeHead(200, headers).end(JSON.stringify(request.method === "GET" ? schedule : {}));
        });
    }),
  );
  others = await startAwsStandIn({
    stacks: {
      "smart-token-broker-prod-api": { ApiId: "fakeapi" },
      "smart-token-broker-prod-rotation": {},
      "smart-token-broker-prod-state": { TableName: "fake-table" },
    },
  });
});
afterAll(() => Promise.all([logs, others, changed].map((server) => server?.close())));
beforeEach(() => calls.splice(0));

const run = (shell: string, lines: string) =>
  // `sleep` returns at once, and `aws` is version 2, whichever version is first on the PATH.
  output(shell, ["-c", `sleep() { :; }\naws() { '${aws}' "$@"; }\n${lines}`], {
    AWS_ACCESS_KEY_ID: "FAKEID",
    AWS_SECRET_ACCESS_KEY: "fake-secret",
    AWS_REGION: "eu-south-1",
    AWS_CONFIG_FILE: "/dev/null",
    AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
    AWS_MAX_ATTEMPTS: "1",
    AWS_PAGER: "",
    AWS_ENDPOINT_URL_CLOUDWATCH_LOGS: logs.url,
    AWS_ENDPOINT_URL_CLOUDFORMATION: others.url,
    AWS_ENDPOINT_URL_SCHEDULER: changed.url,
    AWS_ENDPOINT_URL_DYNAMODB: changed.url,
    BROKER_STAGE: "prod",
  });

const inputOf = (operation: string) => calls.find((call) => call.operation === operation)?.input ?? {};

describe.skipIf(!aws || !bash).each(shells)("the runbook's commands, in %s", (shell) => {
  const functions = blockWith("wrong()");

  it("print each failure with the names of its fields", async () => {
    const printed = await run(shell, `${functions}\nwrong`);

    expect(printed).toBe(
      [
        "@timestamp=2026-11-24 09:17:14.000  code=invalid_request  detail=two words",
        "@timestamp=2026-11-24 09:17:13.000  message=internal error  error.stack=Error\n    at f",
        "",
      ].join("\n"),
    );
  });

  it("query every log group of the stage for the fields that the sections use", async () => {
    await run(shell, `${functions}\nHOURS=24 wrong "code = 'too_soon'"`);

    const { startTime, endTime, logGroupNames, queryString } = inputOf("StartQuery");
    expect(inputOf("DescribeLogGroups")).toEqual({ logGroupNamePrefix: "smart-token-broker-prod-" });
    expect(logGroupNames).toEqual(["fake-group-1", "fake-group-2"]);
    expect(Number(endTime) - Number(startTime)).toSatisfy((seconds: number) => seconds >= 86_400 && seconds < 86_405);
    const [fields = "", ...stages] = String(queryString).split("|");
    expect(
      fields
        .replace("fields", "")
        .split(",")
        .map((field) => field.trim()),
    ).toEqual(
      expect.arrayContaining([
        "callerRole",
        "route",
        "status",
        "detail",
        "validity",
        "error.message",
        "error.stack",
        "record.status",
      ]),
    );
    expect(stages.map((stage) => stage.trim())).toEqual([
      "filter level in ['WARN', 'ERROR'] or status >= 400 or ispresent(validity) or type like /^platform/",
      "filter code = 'too_soon'",
      "sort @timestamp desc",
      "limit 100",
    ]);
  });

  it.each([
    ["timeouts among Lambda's lines", "internal-errors", "smart-token-broker-prod-", /^filter type like \/\^platform/],
    [
      "throttled requests in the access log",
      "gateway-throttles",
      "/aws/vendedlogs/smart-token-broker-prod/access",
      /^filter status = 429 \| stats count/,
    ],
  ])("find %s", async (_, heading, logGroupNamePrefix, query) => {
    const [, section = ""] = text.split(`\n## ${heading}\n`);
    const command = /`(insights "[^`]+)`/.exec(section)?.[1] ?? "";

    await run(shell, `${functions}\n${command}`);

    expect(inputOf("DescribeLogGroups")).toEqual({ logGroupNamePrefix });
    expect(inputOf("StartQuery")["queryString"]).toMatch(query);
  });

  it("enable a schedule and keep its other properties", async () => {
    const [, section = ""] = text.split("\n## no-sweep\n");
    const [, command = ""] = /^```sh\n([^]*?)^```/m.exec(section) ?? [];

    await run(shell, command.replace("NAME", "sweep-0"));

    const { Name, ...rest } = ofStack;
    const { ClientToken: _, ...input } = inputOf(`PUT /schedules/${Name}`);
    expect(input).toEqual({ ...rest, State: "ENABLED" });
  });

  it("protect the table again", async () => {
    await run(shell, blockWith("update-continuous-backups"));

    expect(inputOf("UpdateTable")).toEqual({ TableName: "fake-table", DeletionProtectionEnabled: true });
    expect(inputOf("UpdateContinuousBackups")).toEqual({
      TableName: "fake-table",
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
    });
  });

  it.each([
    ["dead-letter queue", "purge-queue", "queue", () => `${others.url}/1/dead`],
    ["API", "delete-route", "api", () => "fakeapi"],
  ])("find the %s", async (_, words, variable, found) => {
    const [command = ""] = blockWith(words).split(/^aws /m);

    expect(await run(shell, `${command}\nprintf %s "$${variable}"`)).toBe(found());
  });
});
