import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startAwsStandIn, type StandIn } from "./aws-stand-in.ts";
import { broker, LocalBroker } from "./harness.ts";

const local = new LocalBroker();
const good = { schedule: "ENABLED", deadLetters: 0, deletionProtection: true } as const;
const aws: StandIn = { stacks: {}, ...good };
let standIn: Awaited<ReturnType<typeof startAwsStandIn>>;

beforeAll(async () => {
  await local.start();
  standIn = await startAwsStandIn(aws);
  const described = (await (await fetch(`${local.run.url("ready")}/_local/deployment`)).json()) as Record<
    string,
    string
  >;
  const RotateApiKeysEveryDays = String(described["rotateApiKeysEveryDays"]);
  const CorsOrigins = String(described["corsOrigins"]);
  const { apiId = "", tableName = "", secretPrefix = "", keyRotationFunctionArn = "" } = described;
  const KeyArn = "arn:aws:kms:eu-south-1:123456789012:key/fake";
  aws.stacks = {
    "smart-token-broker-dev-state": { TableName: tableName, SecretPrefix: secretPrefix, KeyArn },
    "smart-token-broker-dev-api": { Url: `${local.run.url("ready")}/`, ApiId: apiId, CorsOrigins },
    "smart-token-broker-dev-rotation": { KeyRotationFunctionArn: keyRotationFunctionArn, RotateApiKeysEveryDays },
  };
});
afterAll(async () => {
  await standIn.close();
  await local.run.remove();
});
const outputs = (part: string) => aws.stacks[`smart-token-broker-dev-${part}`] ?? {};
let deployed: StandIn["stacks"];
beforeEach(() => {
  aws.stacks = structuredClone((deployed ??= structuredClone(aws.stacks)));
  delete aws.refusal;
  Object.assign(aws, good);
});

const credentials = { AWS_ACCESS_KEY_ID: "LOCALORDERS", AWS_SECRET_ACCESS_KEY: "local-orders-secret" };
/** Everything by AWS's own variables, as an operator has it. */
const environment = () => ({
  AWS_REGION: "eu-south-1",
  ...credentials,
  AWS_ENDPOINT_URL: standIn.url,
  AWS_ENDPOINT_URL_SECRETS_MANAGER: local.run.url("secretsmanager"),
});
const onAws = (args: string[], env: Record<string, string> = environment()) => broker(args, { env });

test("a deployment is found by the outputs of its stacks, with AWS's own chain", async () => {
  const { status, stdout, stderr } = await onAws(["connections", "list", "--json"]);

  expect(stderr).toBe("");
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toEqual([
    { connection: "webapicorso", secret: "present", state: "fresh", rotation: true },
  ]);
});

test("a token is asked for at its URL", async () => {
  const { stdout } = await onAws(["token", "get", "webapicorso"]);

  expect(stdout).toMatch(/^eyJ[\w.-]+\n$/);
});

const withoutCredentials = ({ AWS_REGION, AWS_ENDPOINT_URL }: ReturnType<typeof environment>) => ({
  AWS_REGION,
  AWS_ENDPOINT_URL,
});

test.each<[string, () => Record<string, string>, number, RegExp]>([
  ["no credentials", () => withoutCredentials(environment()), 4, /No AWS credentials were found/],
  ["no region", () => ({ ...credentials, AWS_ENDPOINT_URL: standIn.url }), 2, /No AWS region is set: set AWS_REGION/],
  [
    "an endpoint that does not answer",
    () => ({ ...environment(), AWS_ENDPOINT_URL: "http://127.0.0.1:1" }),
    5,
    /It cannot be reached/,
  ],
])("%s is one line and the documented status", async (_, env, code, complaint) => {
  const { status, stdout, stderr } = await onAws(["status"], env());

  expect(stderr).toMatch(complaint);
  expect(stderr.trimEnd()).not.toContain("\n");
  expect({ status, stdout }).toEqual({ status: code, stdout: "" });
});

test("a stage or a region without these stacks is not found", async () => {
  const { status, stderr } = await onAws(["status", "--stage", "prod"]);

  expect(status).toBe(3);
  expect(stderr).toMatch(/^error: There is no stack smart-token-broker-prod-\w+ in eu-south-1: check --stage, .*\n$/);
});

test("a role that may not look at the stacks is refused", async () => {
  aws.refusal = "AccessDenied";

  const { status, stderr } = await onAws(["status"]);

  expect(status).toBe(4);
  expect(stderr).toMatch(/^error: AWS refuses this to your role .*\n$/);
});

test("a caller that may read the status alone gets no token", async () => {
  const audit = { AWS_ACCESS_KEY_ID: "LOCALAUDIT", AWS_SECRET_ACCESS_KEY: "local-audit-secret" };

  const { status, stderr } = await onAws(["token", "get", "webapicorso"], { ...environment(), ...audit });

  expect(status).toBe(4);
  expect(stderr).toMatch(/^error: HTTP 403 Forbidden \(your role needs execute-api:Invoke .*\n$/);
});

describe("doctor", () => {
  type Found = { level: string; what: string; fix?: string }[];
  const examine = async () => {
    const { status, stdout } = await onAws(["doctor", "--json"]);
    return { status, findings: JSON.parse(stdout) as Found };
  };

  test("finds the schedules on, the queue empty, the table protected", async () => {
    const { findings } = await examine();

    expect(findings.filter(({ level }) => level === "ok").map(({ what }) => what)).toEqual(
      expect.arrayContaining([
        "the API refuses a request that is not signed",
        "the table is protected from deletion",
        "the table can be restored to a point in time",
        "the schedule sweep-0 is on",
        "the dead-letter queue is empty",
        expect.stringMatching(/^pages of http.* may ask for a token$/),
        "pages can read the gateway's refusals",
      ]),
    );
  });

  test.each<[string, Partial<StandIn>, Found[number]]>([
    [
      "a schedule that is off",
      { schedule: "DISABLED" },
      {
        level: "broken",
        what: "the schedule sweep-0 is off: nothing is replaced by itself",
        fix: "enable it: docs/runbook.md#no-sweep",
      },
    ],
    [
      "dead letters",
      { deadLetters: 3 },
      {
        level: "warning",
        what: "3 dead letters wait",
        fix: expect.stringMatching(/^aws sqs receive-message --queue-url http:.*\/1\/dead$/) as string,
      },
    ],
    [
      "a table that can be deleted",
      { deletionProtection: false },
      {
        level: "broken",
        what: "the table is not protected from deletion",
        fix: expect.stringMatching(
          /^aws dynamodb update-table --table-name \S+ --deletion-protection-enabled$/,
        ) as string,
      },
    ],
  ])("finds %s, with what mends it", async (_, change, finding) => {
    Object.assign(aws, change);

    const { findings } = await examine();

    expect(findings).toContainEqual(finding);
  });

  test("finds an API that gives a caller's page no CORS headers", async () => {
    outputs("api")["CorsOrigins"] = "https://portal.example.com,https://other.example.com";

    const { findings } = await examine();

    expect(findings).toContainEqual({
      level: "broken",
      what: "pages of https://portal.example.com may not ask for a token: no CORS headers on a preflight",
      fix: "npm run deploy",
    });
    expect(findings).toContainEqual({
      level: "warning",
      what: "pages cannot read the gateway's refusals: no CORS headers on them",
      fix: expect.stringContaining("docs/callers.md") as string,
    });
  });

  test("asks nothing about pages where no caller has one", async () => {
    delete outputs("api")["CorsOrigins"];

    const { findings } = await examine();

    expect(JSON.stringify(findings)).not.toContain("pages");
  });

  test("prints mends that can be pasted: with the stage they are for", async () => {
    for (const [name, its] of Object.entries(aws.stacks)) aws.stacks[name.replace("-dev-", "-prod-")] = its;

    const { stdout } = await onAws(["doctor", "--stage", "prod"]);

    expect(stdout).toContain("mend: npx broker connections add webapicorso --stage prod\n");
  });

  test("finds a registration that points to plain http broken, and ends with status 1", async () => {
    const { status, findings } = await examine();

    expect(status).toBe(1);
    expect(findings).toContainEqual({
      level: "broken",
      what: "webapicorso: the secret's field apiBaseUrl must start with https://",
      fix: "npx broker connections add webapicorso",
    });
  });
});
