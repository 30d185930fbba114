import { createServer, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { listen } from "../../fixtures/listen.ts";
import { type Account, cloudWatch, healthyAccount, topic } from "./account-stand-in.ts";

/** The stacks whose outputs describe a local run, as if it were deployed. */
export async function stacksOf(localUrl: string): Promise<StandIn["stacks"]> {
  const described = await (await fetch(`${localUrl}/_local/deployment`)).json();
  return stacksWith(localUrl, described as Record<string, string>);
}

/** The stacks of stage dev. `described` has the names of resources that a test uses. */
export function stacksWith(url: string, described: Record<string, string> = {}): StandIn["stacks"] {
  const { apiId, tableName, secretPrefix = "smart-token-broker/dev", corsOrigins } = described;
  const { keyRotationFunctionArn, rotateApiKeysEveryDays } = described;
  const outputs = {
    state: {
      TableName: tableName,
      SecretPrefix: secretPrefix,
      KeyArn: "arn:aws:kms:eu-south-1:123456789012:key/fake",
    },
    api: { Url: `${url}/`, ApiId: apiId, CorsOrigins: corsOrigins },
    rotation: { KeyRotationFunctionArn: keyRotationFunctionArn, RotateApiKeysEveryDays: rotateApiKeysEveryDays },
    monitoring: { AlarmTopicArn: topic },
  };
  return Object.fromEntries(
    Object.entries(outputs).map(([part, values]) => [
      `smart-token-broker-dev-${part}`,
      Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)])),
    ]),
  );
}

export interface StandIn {
  /** Outputs of each stack by name. */
  stacks: Record<string, Record<string, string>>;
  /** Resources of every stack, as CloudFormation lists them. Absent: a few of each part. */
  resources?: Record<string, string>[];
  /** Metadata of every stack's template. */
  metadata?: object;
  /** Error for every request to CloudFormation. */
  refusal?: string;
  /** Access key and region of each request, added by the stand-in. */
  signers?: string[];
  account?: Account;
  /** The only secret, whose one version has AWSPENDING and no value. */
  pending?: string;
  /** Lines that a query of Logs Insights finds, and the statuses that it has one after the other. */
  found?: { lines: string[]; statuses: string[] };
  /** Rows that it finds instead. */
  rows?: Record<string, string>[];
  /** The requests to CloudWatch Logs, added by the stand-in. */
  logRequests?: ({ operation: string } & Record<string, unknown>)[];
  /** State of the schedule `sweep-0`. Absent: it is on. */
  schedule?: "DISABLED";
  /** Absent: none. */
  deadLetters?: number;
  /** Absent: the table is protected. */
  deletionProtection?: false;
  /** The type of a resource that drifted in each stack. */
  drifted?: string;
  /** Lines of every log group. */
  logLines?: string[];
}

/** The environment of a command that uses a stand-in. */
export const awsEnvironment = (url: string, more: Record<string, string> = {}) => ({
  AWS_REGION: "eu-south-1",
  AWS_ACCESS_KEY_ID: "LOCALORDERS",
  AWS_SECRET_ACCESS_KEY: "local-orders-secret",
  AWS_ENDPOINT_URL: url,
  ...more,
});

/** Emulates what `broker` needs of AWS and a local run does not have: CloudFormation, Scheduler, SQS, alarms, … */
export function startAwsStandIn(state: StandIn) {
  return listen(
    createServer((request, response) => {
      answer(state, request).then(
        ({ status, type, body }) => response.writeHead(status, { "content-type": type }).end(body),
        () => response.destroy(),
      );
    }),
  );
}

async function answer(state: StandIn, request: IncomingMessage) {
  const body = await text(request);
  const [, key = "", region = ""] = /Credential=(\w+)\/\d+\/([\w-]+)/.exec(request.headers.authorization ?? "") ?? [];
  state.signers?.push(`${key} ${region}`);
  const target = String(request.headers["x-amz-target"] ?? "");
  const { account = healthyAccount() } = state;
  const json = (content: object, status = 200) => ({
    status,
    type: "application/x-amz-json-1.0",
    body: JSON.stringify(content),
  });
  if (target.startsWith("Logs_")) {
    const operation = target.split(".")[1] ?? "";
    state.logRequests?.push({ operation, ...(JSON.parse(body) as Record<string, unknown>) });
    if (operation !== "FilterLogEvents") return json(insights(state, operation));
  }
  if (request.url?.startsWith("/schedules/"))
    return { ...json({ State: state.schedule ?? "ENABLED" }), type: "application/json" };
  if (target.includes("SQS"))
    return json({ Attributes: { ApproximateNumberOfMessages: String(state.deadLetters ?? 0) } });
  if (target.endsWith("DescribeTable")) {
    return json({ Table: { DeletionProtectionEnabled: state.deletionProtection ?? true } });
  }
  if (target.endsWith("DescribeContinuousBackups")) {
    const PointInTimeRecoveryDescription = { PointInTimeRecoveryStatus: "ENABLED" };
    return json({ ContinuousBackupsDescription: { PointInTimeRecoveryDescription } });
  }
  if (target.startsWith("Granite")) {
    return json(cloudWatch(account, target.split(".")[1] ?? "", JSON.parse(body) as Record<string, unknown>));
  }
  if (target.endsWith("FilterLogEvents")) {
    const { logGroupName, startTime = 0 } = JSON.parse(body) as Record<string, string>;
    // Each line is a second later than the one before.
    const events = (state.logLines ?? []).map((message, at) => ({
      message,
      eventId: `${logGroupName} ${at}`,
      timestamp: Number(startTime) + at * 1000,
    }));
    return json({ events });
  }
  if (request.url?.includes("/account-settings")) {
    return json({ AccountLimit: { ConcurrentExecutions: account.concurrency } });
  }
  const [, concurrencyOf] = /\/functions\/([\w-]+)\/concurrency$/.exec(request.url ?? "") ?? [];
  if (concurrencyOf !== undefined) return json({ ReservedConcurrentExecutions: account.reserved[concurrencyOf] });
  if (target === "secretsmanager.ListSecrets") {
    return json({
      SecretList: [{ Name: state.pending, SecretVersionsToStages: { "fake-version-1": ["AWSPENDING"] } }],
    });
  }
  if (target.startsWith("secretsmanager.")) {
    const message = "Secrets Manager can't find the specified secret value for staging label.";
    return json({ __type: "ResourceNotFoundException", message }, 400);
  }
  if (body.includes("ListSubscriptionsByTopic")) {
    const found = members(account.subscriptions.map((SubscriptionArn) => ({ SubscriptionArn })));
    return xml(200, result("ListSubscriptionsByTopic", `<Subscriptions>${found}</Subscriptions>`));
  }
  return cloudFormation(state, new URLSearchParams(body), `http://${request.headers.host}`);
}

const xml = (status: number, body: string) => ({ status, type: "text/xml", body });
const error = (status: number, code: string, message: string) =>
  xml(
    status,
    `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`,
  );
const members = (content: Record<string, string>[]) =>
  content
    .map((fields) => Object.entries(fields).map(([name, value]) => `<${name}>${value}</${name}>`))
    .map((fields) => `<member>${fields.join("")}</member>`)
    .join("");

/** The answer of Logs Insights. */
function insights({ found, rows }: StandIn, operation: string): object {
  if (operation === "StartQuery") return { queryId: "fake-query" };
  const status = found?.statuses.shift() ?? "Complete";
  const all = rows ?? (found?.lines ?? []).map((value) => ({ "@message": value }));
  const results = all.map((row) => Object.entries(row).map(([field, value]) => ({ field, value })));
  return { status, statistics: { bytesScanned: 12_345_678 }, ...(status === "Complete" && { results }) };
}

function cloudFormation(
  { stacks, metadata, refusal, drifted, resources: own }: StandIn,
  query: URLSearchParams,
  origin: string,
) {
  if (refusal !== undefined) return error(403, refusal, "User is not authorized to perform this");
  const action = query.get("Action");
  const name = query.get("StackName") ?? "";
  if (action === "DescribeStackDriftDetectionStatus") {
    const status = `<DetectionStatus>DETECTION_COMPLETE</DetectionStatus><StackDriftStatus>${drifted === undefined ? "IN_SYNC" : "DRIFTED"}</StackDriftStatus>`;
    return xml(200, result(action, status));
  }
  const outputs = stacks[name];
  if (!outputs) return error(400, "ValidationError", `Stack with id ${name} does not exist`);
  if (action === "ListStackResources") {
    // As with more than 100 resources: what comes first is not all.
    const isFirst = query.get("NextToken") === null;
    const resources = members(
      !name.endsWith("-rotation")
        ? [{ LogicalResourceId: "Token", PhysicalResourceId: "fake-function", ResourceType: "AWS::Lambda::Function" }]
        : isFirst
          ? [
              { PhysicalResourceId: "sweep-0", ResourceType: "AWS::Scheduler::Schedule" },
              { LogicalResourceId: "TokenRotation", PhysicalResourceId: "s", ResourceType: "AWS::Lambda::Function" },
            ]
          : [{ PhysicalResourceId: `${origin}/1/dead`, ResourceType: "AWS::SQS::Queue" }],
    );
    if (own) return xml(200, result(action, `<StackResourceSummaries>${members(own)}</StackResourceSummaries>`));
    const next = isFirst ? "<NextToken>fake-page-2</NextToken>" : "";
    const listed = `<StackResourceSummaries>${resources}</StackResourceSummaries>${next}`;
    return xml(200, result("ListStackResources", listed));
  }
  if (action === "DetectStackDrift") {
    return xml(200, result(action, "<StackDriftDetectionId>fake</StackDriftDetectionId>"));
  }
  if (action === "DescribeStackResourceDrifts") {
    const found = members([{ ResourceType: drifted ?? "" }]);
    return xml(200, result(action, `<StackResourceDrifts>${found}</StackResourceDrifts>`));
  }
  if (action === "GetTemplateSummary") {
    const found = metadata ? `<Metadata>${JSON.stringify(metadata)}</Metadata>` : "";
    return xml(200, result("GetTemplateSummary", found));
  }
  const listed = members(Object.entries(outputs).map(([OutputKey, OutputValue]) => ({ OutputKey, OutputValue })));
  const stack = `<StackName>${name}</StackName><StackStatus>CREATE_COMPLETE</StackStatus><Outputs>${listed}</Outputs>`;
  return xml(200, result("DescribeStacks", `<Stacks><member>${stack}</member></Stacks>`));
}

const result = (action: string, content: string) =>
  `<${action}Response xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><${action}Result>${content}</${action}Result></${action}Response>`;
