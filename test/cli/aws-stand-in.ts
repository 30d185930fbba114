import { createServer, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { listen } from "../support/server.ts";

/** The stacks whose outputs describe a local run, as if it were deployed. */
export async function stacksOf(localUrl: string): Promise<StandIn["stacks"]> {
  const described = await (await fetch(`${localUrl}/_local/deployment`)).json();
  const { apiId, tableName, secretPrefix, keyRotationFunctionArn, rotateApiKeysEveryDays, corsOrigins } =
    described as Record<string, string>;
  const outputs = {
    state: {
      TableName: tableName,
      SecretPrefix: secretPrefix,
      KeyArn: "arn:aws:kms:eu-south-1:123456789012:key/fake",
    },
    api: { Url: `${localUrl}/`, ApiId: apiId, CorsOrigins: corsOrigins },
    rotation: { KeyRotationFunctionArn: keyRotationFunctionArn, RotateApiKeysEveryDays: rotateApiKeysEveryDays },
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
  /** Metadata of every stack's template. */
  metadata?: object;
  /** Error for every request to CloudFormation. */
  refusal?: string;
  /** State of the schedule `sweep-0`. */
  schedule: "ENABLED" | "DISABLED";
  deadLetters: number;
  deletionProtection: boolean;
}

/** Emulates what `broker` needs of AWS and a local run does not have: CloudFormation, Scheduler, SQS, table descriptions. */
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
  const target = String(request.headers["x-amz-target"] ?? "");
  const json = (content: object) => ({
    status: 200,
    type: "application/x-amz-json-1.0",
    body: JSON.stringify(content),
  });
  if (request.url?.startsWith("/schedules/")) return { ...json({ State: state.schedule }), type: "application/json" };
  if (target.includes("SQS")) return json({ Attributes: { ApproximateNumberOfMessages: String(state.deadLetters) } });
  if (target.endsWith("DescribeTable")) return json({ Table: { DeletionProtectionEnabled: state.deletionProtection } });
  if (target.endsWith("DescribeContinuousBackups")) {
    const PointInTimeRecoveryDescription = { PointInTimeRecoveryStatus: "ENABLED" };
    return json({ ContinuousBackupsDescription: { PointInTimeRecoveryDescription } });
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

function cloudFormation({ stacks, metadata, refusal }: StandIn, query: URLSearchParams, origin: string) {
  if (refusal !== undefined) return error(403, refusal, "User is not authorized to perform this");
  const name = query.get("StackName") ?? "";
  const outputs = stacks[name];
  if (!outputs) return error(400, "ValidationError", `Stack with id ${name} does not exist`);
  if (query.get("Action") === "DescribeStackResources") {
    const resources = members([
      { PhysicalResourceId: "sweep-0", ResourceType: "AWS::Scheduler::Schedule" },
      { PhysicalResourceId: `${origin}/1/dead`, ResourceType: "AWS::SQS::Queue" },
    ]);
    return xml(200, result("DescribeStackResources", `<StackResources>${resources}</StackResources>`));
  }
  if (query.get("Action") === "GetTemplateSummary") {
    const found = metadata ? `<Metadata>${JSON.stringify(metadata)}</Metadata>` : "";
    return xml(200, result("GetTemplateSummary", found));
  }
  const listed = members(Object.entries(outputs).map(([OutputKey, OutputValue]) => ({ OutputKey, OutputValue })));
  const stack = `<StackName>${name}</StackName><StackStatus>CREATE_COMPLETE</StackStatus><Outputs>${listed}</Outputs>`;
  return xml(200, result("DescribeStacks", `<Stacks><member>${stack}</member></Stacks>`));
}

const result = (action: string, content: string) =>
  `<${action}Response xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><${action}Result>${content}</${action}Result></${action}Response>`;
