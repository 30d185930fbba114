import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { callersMetadata } from "../../functions/auth-core/rules/callers/deployed-callers.ts";
import { failed, healthyAccount, keyDenies, topic } from "./account-stand-in.ts";
import { awsEnvironment, stacksOf, startAwsStandIn, type StandIn } from "./aws-stand-in.ts";
import { broker, expectError, LocalBroker } from "./harness.ts";

const local = new LocalBroker();
const aws: StandIn = { stacks: {} };
let standIn: Awaited<ReturnType<typeof startAwsStandIn>>;
let deployed: StandIn["stacks"];

beforeAll(async () => {
  await local.start();
  standIn = await startAwsStandIn(aws);
  deployed = await stacksOf(local.run.url("ready"));
});
afterAll(async () => {
  await standIn.close();
  await local.remove();
});
const outputs = (part: string) => aws.stacks[`smart-token-broker-dev-${part}`] ?? {};
beforeEach(() => {
  for (const key of Object.keys(aws)) Reflect.deleteProperty(aws, key);
  aws.stacks = structuredClone(deployed);
});

/** AWS's own variables, as an operator sets them. */
const environment = () =>
  awsEnvironment(standIn.url, { AWS_ENDPOINT_URL_SECRETS_MANAGER: local.run.url("secretsmanager") });
const onAws = (args: string[], env: Record<string, string> = environment()) => broker(args, { env });

test("a command finds a deployment by the outputs of its stacks, with AWS's own variables", async () => {
  const { status, stdout, stderr } = await onAws(["connections", "list", "--json"]);

  expect(stderr).toBe("");
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toEqual([
    { connection: "webapicorso", secret: "present", state: "fresh", rotation: true },
  ]);
});

test.each<[string, () => Record<string, string>, number, RegExp]>([
  [
    "no credentials",
    () => ({ AWS_REGION: "eu-south-1", AWS_ENDPOINT_URL: standIn.url }),
    4,
    /No AWS credentials were found/,
  ],
  [
    "an endpoint that does not answer",
    () => ({ ...environment(), AWS_ENDPOINT_URL: "http://127.0.0.1:1" }),
    5,
    /Cannot reach the server \(.*ECONNREFUSED/,
  ],
])("a command with %s fails with one line and the documented exit code", async (_, env, code, message) => {
  expectError(await onAws(["status"], env()), code, message);
});

test("token get fails if the role may only read the status", async () => {
  const audit = { AWS_ACCESS_KEY_ID: "LOCALAUDIT", AWS_SECRET_ACCESS_KEY: "local-audit-secret" };

  const result = await onAws(["token", "get", "webapicorso"], { ...environment(), ...audit });

  expectError(result, 4, /^error: HTTP 403 Forbidden\. Grant your role execute-api:Invoke .*\n$/);
});

describe("doctor", () => {
  type Found = { level: string; what: string; fix?: string }[];
  const examine = async () => {
    const { status, stdout } = await onAws(["doctor", "--json"]);
    return { status, findings: JSON.parse(stdout) as Found };
  };

  test("finds that the schedules are on, the queue is empty and the table is protected", async () => {
    const { findings } = await examine();

    expect(findings.filter(({ level }) => level === "ok").map(({ what }) => what)).toEqual(
      expect.arrayContaining([
        "The API denies unsigned requests",
        "The table is protected from deletion",
        "The table has point-in-time recovery",
        "The schedule sweep-0 is on",
        "The dead-letter queue is empty",
        expect.stringMatching(/^Pages of http.* can request tokens$/),
        "Pages can read the errors of the gateway",
      ]),
    );
  });

  test.each<[string, Partial<StandIn>, RegExp]>([
    [
      "a schedule that is off",
      { schedule: "DISABLED" },
      /^broken +The schedule sweep-0 is off: .*\n +fix: enable it: docs\/runbook\.md#no-sweep$/m,
    ],
    [
      "dead letters",
      { deadLetters: 3 },
      /^warning +The dead-letter queue has 3 messages\n +fix: aws sqs receive-message --queue-url http:.*\/1\/dead$/m,
    ],
    [
      "a table that can be deleted",
      { deletionProtection: false },
      /^broken +The table is not protected from deletion\n +fix: aws dynamodb update-table --table-name \S+ --deletion-/m,
    ],
    // The simulator uses plain http, which a registration on AWS may not name.
    [
      "a registration with a plain http URL",
      {},
      /^broken +webapicorso: the secret's field apiBaseUrl must start with https:\/\/\n +fix: npx broker connections add webapicorso$/m,
    ],
  ])("finds %s, with its fix, and exits with 1", async (_, change, finding) => {
    Object.assign(aws, change);

    const { status, stdout } = await onAws(["doctor"]);

    expect(stdout).toMatch(finding);
    expect(status).toBe(1);
  });

  test("finds an API that sends no CORS headers to a caller's page", async () => {
    outputs("api")["CorsOrigins"] = "https://portal.example.com,https://other.example.com";

    const { findings } = await examine();

    expect(findings).toContainEqual({
      level: "broken",
      what: "Pages of https://portal.example.com cannot request tokens: the preflight response has no CORS headers",
      fix: "npm run deploy",
    });
    expect(findings).toContainEqual({
      level: "warning",
      what: "Pages cannot read the errors of the gateway: they have no CORS headers",
      fix: expect.stringContaining("docs/callers.md") as string,
    });
  });

  test("prints fixes that can be pasted, with their stage", async () => {
    for (const [name, its] of Object.entries(aws.stacks)) aws.stacks[name.replace("-dev-", "-prod-")] = its;

    const { stdout } = await onAws(["doctor", "--stage", "prod"]);

    expect(stdout).toContain("fix: npx broker connections add webapicorso --stage prod\n");
  });
});

describe("smoke", () => {
  interface Report {
    answers: { question: string; verdict: string; observed?: string }[];
  }
  const ask = async (args: string[], isLocal = false) => {
    const answered = isLocal ? await local.broker(["smoke", ...args]) : await onAws(["smoke", ...args]);
    const { answers } = JSON.parse(answered.stdout) as Report;
    const observed = (words: string) => answers.find(({ question }) => question.includes(words));
    return { ...answered, answers, observed };
  };

  test("asks a local run all that it can answer, and says which questions need AWS or --write", async () => {
    await local.broker(["token", "get", "webapicorso"]);

    const { answers, status, stderr } = await ask(["--json"], true);

    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const verdicts = Object.groupBy(answers, ({ verdict }) => verdict);
    expect(Object.keys(verdicts).toSorted()).toEqual(["as expected", "needs --write", "needs AWS"]);
    expect(verdicts["as expected"]?.length).toBe(11);
    expect(answers.filter(({ observed }) => observed === undefined)).toHaveLength(answers.length - 11);
  });

  test("asks a deployment the rest, and with --write also what changes something", async () => {
    aws.account = { ...healthyAccount(), subscriptions: [`${topic}:1`] };
    aws.metadata = { [callersMetadata]: {} };
    aws.logLines = [187, 120].map((initMs) => JSON.stringify({ message: "request", coldStart: true, initMs }));

    const { observed, status, stdout } = await ask(["--write", "--json"]);

    expect(observed("body over 10 MB")).toMatchObject({ verdict: "as expected" });
    expect(observed("throttle")?.observed).toMatch(/^429 \{"message":"Too Many Requests"\}, \d+ of 100$/);
    expect(observed("empty secret")).toMatchObject({ observed: "on, without a pending version" });
    expect(observed("an alarm delivered")).toMatchObject({ observed: "yes" });
    expect(observed("drift")).toMatchObject({ observed: "IN_SYNC, IN_SYNC, IN_SYNC, IN_SYNC" });
    expect(observed("initialise")).toMatchObject({ observed: "median 187 ms, longest 187 ms, of 2" });
    expect(observed("bytes")).toMatchObject({ observed: "650, of 1440 requests" });
    expect(observed("metrics arrive")).toMatchObject({ observed: "1440 requests of 1440 invocations, 0 rejected" });
    expect(observed("sweeps")).toMatchObject({ observed: "1440 by 1 schedules, of which 0 failed" });
    expect(status).toBe(0);
    for (const name of ["123456789012", "webapicorso", "127.0.0.1"]) expect(stdout).not.toContain(name);
    const { stdout: left } = await local.broker(["connections", "list", "--json"]);
    expect(left).not.toContain("smoke-");
  });

  test("reports what differs, names the resources that drifted, and exits with 1", async () => {
    const slow = {
      ...healthyAccount(),
      onAlarm: failed,
      daySums: { Invocations: 1440, IncomingBytes: 9e6, Errors: 3, EMFValidationErrors: 2 },
    };
    Object.assign(aws, { account: slow, drifted: "AWS::ApiGatewayV2::Stage", logLines: ['{"initMs":900}'] });

    const { answers, status } = await ask(["--write", "--json"]);
    const { stdout } = await onAws(["smoke"]);

    const different = answers.filter(({ verdict }) => verdict === "different").map(({ observed = "" }) => observed);
    expect(status).toBe(1);
    expect(different).toEqual([
      expect.stringContaining(keyDenies),
      Array.from({ length: 4 }, () => "DRIFTED (AWS::ApiGatewayV2::Stage)").join(", "),
      "1440 by 1 schedules, of which 3 failed",
      "median 900 ms, longest 900 ms, of 1",
      "6250, of 1440 requests",
      "0 requests of 1440 invocations, 2 rejected",
    ]);
    expect(stdout).toMatch(/^different +Do the stacks show drift.*\n +observed: DRIFTED .*\n +expected: IN_SYNC/m);
    expect(stdout).toMatch(/\n\n.*5 different.*\n$/);
  });
});
