import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { stacksOf, startAwsStandIn, type StandIn } from "./aws-stand-in.ts";
import { broker, expectError, LocalBroker } from "./harness.ts";

const local = new LocalBroker();
const good = { schedule: "ENABLED", deadLetters: 0, deletionProtection: true } as const;
const aws: StandIn = { stacks: {}, ...good };
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
  aws.stacks = structuredClone(deployed);
  delete aws.refusal;
  Object.assign(aws, good);
});

const credentials = { AWS_ACCESS_KEY_ID: "LOCALORDERS", AWS_SECRET_ACCESS_KEY: "local-orders-secret" };
/** AWS's own variables, as an operator sets them. */
const environment = () => ({
  AWS_REGION: "eu-south-1",
  ...credentials,
  AWS_ENDPOINT_URL: standIn.url,
  AWS_ENDPOINT_URL_SECRETS_MANAGER: local.run.url("secretsmanager"),
});
const onAws = (args: string[], env: Record<string, string> = environment()) => broker(args, { env });

test("a command finds a deployment by the outputs of its stacks, with AWS's own variables", async () => {
  const { status, stdout, stderr } = await onAws(["connections", "list", "--json"]);

  expect(stderr).toBe("");
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toEqual([
    { connection: "webapicorso", secret: "present", state: "fresh", rotation: true },
  ]);
});

test("token get requests a token from the URL of the deployment", async () => {
  const { stdout } = await onAws(["token", "get", "webapicorso"]);

  expect(stdout).toMatch(/^eyJ[\w.-]+\n$/);
});

test.each<[string, () => Record<string, string>, number, RegExp]>([
  [
    "no credentials",
    () => ({ AWS_REGION: "eu-south-1", AWS_ENDPOINT_URL: standIn.url }),
    4,
    /No AWS credentials were found/,
  ],
  ["no region", () => ({ ...credentials, AWS_ENDPOINT_URL: standIn.url }), 2, /No AWS region is set\. Set AWS_REGION/],
  [
    "an endpoint that does not answer",
    () => ({ ...environment(), AWS_ENDPOINT_URL: "http://127.0.0.1:1" }),
    5,
    /Cannot reach the server \(.*ECONNREFUSED/,
  ],
])("a command with %s fails with one line and the documented exit code", async (_, env, code, message) => {
  expectError(await onAws(["status"], env()), code, message);
});

test("a command fails if the stage has no stacks in the region", async () => {
  const message = /^error: The stack smart-token-broker-prod-\w+ does not exist in eu-south-1\. Check --stage, .*\n$/;
  expectError(await onAws(["status", "--stage", "prod"]), 3, message);
});

test("a command fails if the role may not describe the stacks", async () => {
  aws.refusal = "AccessDenied";

  expectError(await onAws(["status"]), 4, /^error: AWS denies this to your role .*\n$/);
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

  test.each<[string, Partial<StandIn>, Found[number]]>([
    [
      "a schedule that is off",
      { schedule: "DISABLED" },
      {
        level: "broken",
        what: "The schedule sweep-0 is off: only requests replace tokens",
        fix: "enable it: docs/runbook.md#no-sweep",
      },
    ],
    [
      "dead letters",
      { deadLetters: 3 },
      {
        level: "warning",
        what: "The dead-letter queue has 3 messages",
        fix: expect.stringMatching(/^aws sqs receive-message --queue-url http:.*\/1\/dead$/) as string,
      },
    ],
    [
      "a table that can be deleted",
      { deletionProtection: false },
      {
        level: "broken",
        what: "The table is not protected from deletion",
        fix: expect.stringMatching(/^aws dynamodb update-table --table-name \S+ --deletion-/) as string,
      },
    ],
  ])("finds %s, with its fix", async (_, change, finding) => {
    Object.assign(aws, change);

    const { findings } = await examine();

    expect(findings).toContainEqual(finding);
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

  test("checks no pages if no caller has one", async () => {
    delete outputs("api")["CorsOrigins"];

    const { findings } = await examine();

    expect(JSON.stringify(findings)).not.toMatch(/pages/i);
  });

  test("prints fixes that can be pasted, with their stage", async () => {
    for (const [name, its] of Object.entries(aws.stacks)) aws.stacks[name.replace("-dev-", "-prod-")] = its;

    const { stdout } = await onAws(["doctor", "--stage", "prod"]);

    expect(stdout).toContain("fix: npx broker connections add webapicorso --stage prod\n");
  });

  test("finds a registration with a plain http URL broken, and exits with 1", async () => {
    const { status, findings } = await examine();

    expect(status).toBe(1);
    expect(findings).toContainEqual({
      level: "broken",
      what: "webapicorso: the secret's field apiBaseUrl must start with https://",
      fix: "npx broker connections add webapicorso",
    });
  });
});
