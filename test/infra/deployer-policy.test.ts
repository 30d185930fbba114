import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { keyCaller, synthesise } from "./synth.ts";

interface Policy {
  Statement: { Action: string[] }[];
}

const file = readFileSync(join(import.meta.dirname, "../../docs/deployer-policy.json"), "utf8");
const allowed = (JSON.parse(file) as Policy).Statement.flatMap(({ Action }) => Action);

const of = (service: string, ...names: string[]) => names.map((name) => `${service}:${name}`);
const tags = ["TagResource", "UntagResource"];
const api = of("apigateway", "GET", "POST", "PUT", "PATCH", "DELETE", ...tags);

/** What CloudFormation calls to create, read, update and delete a resource of each type, as its registry lists it. */
const actionsOf: Record<string, string[]> = {
  "AWS::ApiGatewayV2::Api": api,
  "AWS::ApiGatewayV2::Integration": api,
  "AWS::ApiGatewayV2::Route": api,
  "AWS::ApiGatewayV2::Stage": api.concat(
    of("logs", "CreateLogDelivery", "GetLogDelivery", "UpdateLogDelivery", "DeleteLogDelivery", "ListLogDeliveries"),
    of("logs", "DescribeResourcePolicies"),
  ),
  "AWS::CloudWatch::Alarm": of("cloudwatch", "PutMetricAlarm", "DeleteAlarms", "DescribeAlarms", ...tags),
  "AWS::CloudWatch::Dashboard": of("cloudwatch", "PutDashboard", "GetDashboard", "DeleteDashboards", "ListDashboards"),
  "AWS::CloudWatch::InsightRule": of("cloudwatch", "PutInsightRule", "DeleteInsightRules", "DescribeInsightRules"),
  "AWS::DynamoDB::Table": of("dynamodb", "CreateTable", "UpdateTable", "DeleteTable", "DescribeTable", ...tags).concat(
    of("dynamodb", "DescribeContinuousBackups", "UpdateContinuousBackups"),
    // DynamoDB uses the key with a grant that the creator of the table gives.
    of("kms", "CreateGrant", "Decrypt", "DescribeKey"),
  ),
  "AWS::Events::Rule": of("events", "PutRule", "DescribeRule", "DeleteRule", ...tags),
  "AWS::IAM::ManagedPolicy": of("iam", "CreatePolicy", "GetPolicy", "DeletePolicy", "TagPolicy", "UntagPolicy").concat(
    of("iam", "CreatePolicyVersion", "DeletePolicyVersion", "ListPolicyVersions"),
    of("iam", "AttachRolePolicy", "DetachRolePolicy"),
  ),
  "AWS::IAM::Policy": of("iam", "PutRolePolicy", "GetRolePolicy", "DeleteRolePolicy"),
  "AWS::IAM::Role": of("iam", "CreateRole", "GetRole", "UpdateRole", "UpdateRoleDescription", "DeleteRole").concat(
    of("iam", "UpdateAssumeRolePolicy", "TagRole", "UntagRole", "ListRolePolicies", "ListAttachedRolePolicies"),
  ),
  "AWS::KMS::Alias": of("kms", "CreateAlias", "UpdateAlias", "DeleteAlias", "ListAliases"),
  "AWS::KMS::Key": of("kms", "CreateKey", "DescribeKey", "UpdateKeyDescription", "ScheduleKeyDeletion", ...tags).concat(
    of("kms", "PutKeyPolicy", "GetKeyPolicy", "EnableKeyRotation", "GetKeyRotationStatus", "ListResourceTags"),
  ),
  "AWS::Lambda::EventInvokeConfig": ["Put", "Update", "Delete", "Get"].map(
    (verb) => `lambda:${verb}FunctionEventInvokeConfig`,
  ),
  "AWS::Lambda::Function": of("lambda", "CreateFunction", "GetFunction", "DeleteFunction", ...tags).concat(
    of("lambda", "UpdateFunctionCode", "UpdateFunctionConfiguration"),
    of("lambda", "PutFunctionConcurrency", "DeleteFunctionConcurrency"),
    ["iam:PassRole", "s3:GetObject"],
  ),
  "AWS::Lambda::Permission": of("lambda", "AddPermission", "RemovePermission", "GetPolicy"),
  "AWS::Logs::LogGroup": of("logs", "CreateLogGroup", "DeleteLogGroup", "DescribeLogGroups", ...tags).concat(
    of("logs", "PutRetentionPolicy", "DeleteRetentionPolicy"),
  ),
  "AWS::Logs::MetricFilter": of("logs", "PutMetricFilter", "DeleteMetricFilter", "DescribeMetricFilters"),
  "AWS::Logs::QueryDefinition": of("logs", "PutQueryDefinition", "DeleteQueryDefinition", "DescribeQueryDefinitions"),
  "AWS::SNS::Subscription": of("sns", "Subscribe", "Unsubscribe", "GetSubscriptionAttributes"),
  "AWS::SNS::Topic": of("sns", "CreateTopic", "DeleteTopic", "GetTopicAttributes", "SetTopicAttributes", ...tags),
  "AWS::SNS::TopicPolicy": of("sns", "SetTopicAttributes"),
  "AWS::SQS::Queue": of("sqs", "CreateQueue", "DeleteQueue", "GetQueueAttributes", "SetQueueAttributes").concat(
    of("sqs", "TagQueue", "UntagQueue"),
  ),
  "AWS::SQS::QueuePolicy": of("sqs", "SetQueueAttributes"),
  "AWS::Scheduler::Schedule": of(
    "scheduler",
    "CreateSchedule",
    "GetSchedule",
    "UpdateSchedule",
    "DeleteSchedule",
  ).concat("iam:PassRole"),
  "AWS::SecretsManager::RotationSchedule": of(
    "secretsmanager",
    "RotateSecret",
    "CancelRotateSecret",
    "DescribeSecret",
  ).concat(
    // Secrets Manager requires it of the one who turns rotation on.
    "lambda:InvokeFunction",
  ),
  "AWS::SecretsManager::Secret": of("secretsmanager", "CreateSecret", "DescribeSecret", "UpdateSecret").concat(
    of("secretsmanager", "DeleteSecret", ...tags),
    "kms:GenerateDataKey",
  ),
};

/**
 * The version of the bootstrap stack, which every template reads, and `Fn::GetStackOutput`. Source: AWS CloudFormation
 * Template Reference Guide, 'Fn::GetStackOutput': `RoleArn`, by default the role that deploys the stack.
 */
const always = ["ssm:GetParameters", "cloudformation:DescribeStacks"];

const matches = (pattern: string, action: string) =>
  pattern.endsWith("*") ? action.startsWith(pattern.slice(0, -1)) : pattern === action;

describe("docs/deployer-policy.json", () => {
  const { resources } = synthesise({
    callers: [keyCaller, { name: "partner", principal: "210987654321", connections: ["webapicorso"] }],
    prober: { connection: "webapicorso" },
    alarmEmail: "ops@example.com",
  });
  const types = new Set(resources.map(({ Type }) => Type));
  types.delete("AWS::CDK::Metadata");

  it("is for the types of resources that the stacks have with every setting", () => {
    expect(Object.keys(actionsOf).toSorted()).toEqual([...types].toSorted());
  });

  it.each(Object.entries(actionsOf))("allows what CloudFormation calls for %s", (_, actions) => {
    expect(actions.filter((action) => !allowed.some((pattern) => matches(pattern, action)))).toEqual([]);
  });

  it("allows what CloudFormation calls for every template", () => {
    expect(always.filter((action) => !allowed.some((pattern) => matches(pattern, action)))).toEqual([]);
  });

  it("allows no other action, except to read", () => {
    const needed = [...Object.values(actionsOf).flat(), ...always];
    const isRead = (pattern: string) => /:(Get|List|Describe)[A-Za-z]*\*?$/.test(pattern);

    expect(allowed.filter((pattern) => !isRead(pattern) && !needed.some((action) => matches(pattern, action)))).toEqual(
      [],
    );
  });

  it("fits into one managed policy", () => {
    expect(JSON.stringify(JSON.parse(file)).length).toBeLessThan(6144);
  });
});
